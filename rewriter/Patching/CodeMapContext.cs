using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>The scanner's map as the planner sees it: for planning a whole image.</summary>
/// <param name="left">Sites to leave as they are, with the reason.</param>
public sealed class CodeMapContext(CodeMap map, IReadOnlyDictionary<ulong, string>? left = null) : ICodeContext
{
    public string? WhyLeft(uint address) => left?.GetValueOrDefault(address);

    public bool TryGetInstruction(uint address, out Instruction instruction)
    {
        instruction = map.IsInstructionStart(address) ? map.Decode(address) : default;
        return instruction.Length != 0;
    }

    public bool TryGetPrevious(uint address, out Instruction previous) => map.TryPrevious(address, out previous);

    public bool IsTarget(uint address) => map.IsTarget(address);

    public bool IsNeverDisplace(uint address, int length) => map.TryFindSelfPatched(address, address + (ulong)length, out _);

    /// <summary>Linux: what alternatives are replaced with.</summary>
    public bool IsTemplate(uint address) => map.SectionAt(address)?.Name == ".altinstr_replacement";

    public bool IsPadding(uint address, int length) => IsHole(address, length) || IsFillerRun(address, length);

    public IReadOnlyList<CodeRange> Holes { get; } = [.. map.Holes];

    private bool IsHole(uint address, int length)
    {
        ReadOnlySpan<CodeRange> holes = map.Holes;
        int low = 0;
        int high = holes.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = holes[middle].End <= address ? (middle + 1, high) : (low, middle);
        }

        return low < holes.Length && holes[low].Start <= address && address + (ulong)length <= holes[low].End;
    }

    // Filler that a compiler for IA-32 writes as instructions (LEA ESI,[ESI+0]), behind one that does not go on, with no target in it.
    private bool IsFillerRun(uint address, int length)
    {
        uint start = address;
        while (map.TryPrevious(start, out Instruction previous))
        {
            if (!IsFiller(previous))
            {
                if (DisplacedInstruction.FallsThrough(previous) || previous.FlowControl is FlowControl.Call or FlowControl.IndirectCall)
                    return false;
                break;
            }

            start = previous.IP32;
        }

        while (start < address + (uint)length)
        {
            Instruction filler = map.IsInstructionStart(start) ? map.Decode(start) : default;
            if (filler.Length == 0 || !IsFiller(filler) || map.IsTarget(start))
                return false;
            start = filler.NextIP32;
        }

        return true;
    }

    /// <summary>Whether an instruction is one that compilers and assemblers fill gaps with.</summary>
    public static bool IsFiller(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Nop or Mnemonic.Int3 => true,
        Mnemonic.Lea => instruction.MemoryDisplacement32 == 0 && instruction.MemoryIndex == Register.None
            && instruction.Op0Register == instruction.MemoryBase,
        _ => false,
    };

    public ReadOnlySpan<byte> Bytes(uint address, int length)
    {
        CodeSection section = map.SectionAt(address) ?? throw new ArgumentOutOfRangeException(nameof(address), $"{address:x8} is not code");
        return section.Bytes.Span.Slice((int)(address - section.Address), length);
    }
}
