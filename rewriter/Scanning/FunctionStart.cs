using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Whether code is likely to begin at an address, judged by what stands before it. Needed where only a number names the
/// address.</summary>
static class FunctionStart
{
    const int FunctionAlignment = 16;

    public static bool IsLikely(CodeMapBuilder map, ulong address)
    {
        if (address % FunctionAlignment == 0 || map.SectionAt(address) is not CodeSection section || address == section.Address)
        {
            return true;
        }

        ReadOnlySpan<byte> before = section.Bytes.Span[..(int)(address - section.Address)];
        return before switch
        {
            [.., 0xC3 or 0xCB or 0xCF or 0xCC or 0x90] => true, // ret, retf, iret, int3, nop
            [.., 0xC2, _, 0x00] => true, // ret n
            [.., 0x0F, 0x0B] => true, // ud2
            [.., 0xEB, _] => EndsInJump(map, address - 2, address),
            [.., 0xE9, _, _, _, _] => EndsInJump(map, address - 5, address),
            _ => false,
        };
    }

    static bool EndsInJump(CodeMapBuilder map, ulong jump, ulong address)
    {
        map.Decode(jump, out Instruction instruction);
        return instruction.NextIP == address && ControlFlow.TryGetTarget(instruction, out ulong target)
            && map.SectionAt(target) is not null;
    }
}
