// The forms in which an instruction may stand in a trampoline. Everything that does not depend on its own address is the same bytes; the
// rest are branches and calls.
using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;

namespace Rewriter.Verification;

/// <summary>Whether code in a trampoline does what an original instruction did.</summary>
static class DisplacedMeaning
{
    const uint ScratchWords = 8;

    /// <param name="window">The monitor window, whose scratch words a call by way of memory may use; null where there is none.</param>
    public static bool IsSame(Patch patch, in Instruction original, ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte> code, uint place, uint? window)
    {
        List<Instruction> found = [.. VerifiedImage.Decode(code, place)];
        if (found.Count == 0 || found[^1].IsInvalid)
        {
            return false;
        }

        return original.FlowControl switch
        {
            FlowControl.ConditionalBranch => IsBranch(patch, original, found),
            FlowControl.UnconditionalBranch => found.Count == 1 && found[0].FlowControl == FlowControl.UnconditionalBranch
                && LeadsTo(patch, found[0], original.NearBranch32),
            FlowControl.Call => found.Count == 2 && Pushes(found[0], original.NextIP32)
                && found[1].FlowControl == FlowControl.UnconditionalBranch && found[1].NearBranch32 == original.NearBranch32,
            FlowControl.IndirectCall => IsIndirectCall(original, found, window),
            _ => code.Span.SequenceEqual(bytes.Span),
        };
    }

    /// <summary>Jcc of any size; LOOP and JCXZ with the same opcode, by way of a jump.</summary>
    static bool IsBranch(Patch patch, in Instruction original, List<Instruction> found)
    {
        if (original.IsJccShortOrNear)
        {
            return found.Count == 1 && found[0].IsJccShortOrNear && found[0].ConditionCode == original.ConditionCode
                && LeadsTo(patch, found[0], original.NearBranch32);
        }

        bool isSameOpcode = found[0].Code == original.Code;
        bool isInner = found.Count == 1 && LeadsTo(patch, found[0], original.NearBranch32);

        // loop taken ; jmp skip ; taken: jmp target ; skip:
        bool isByJump = found.Count == 3
            && found[0].NearBranch32 == found[2].IP32
            && found[1].FlowControl == FlowControl.UnconditionalBranch && found[1].NearBranch32 == found[2].NextIP32
            && found[2].FlowControl == FlowControl.UnconditionalBranch && found[2].NearBranch32 == original.NearBranch32;
        return isSameOpcode && (isInner || isByJump);
    }

    /// <summary>A branch to the guest's address, or to the place in the trampoline that stands for it.</summary>
    static bool LeadsTo(Patch patch, in Instruction branch, uint target)
    {
        uint to = branch.NearBranch32;
        return to == target
            || patch.Map.Any(entry => entry.IsRestart && entry.GuestAddress == target && patch.TrampolineAddress + (uint)entry.Offset == to);
    }

    /// <summary>push return ; jmp register, or the pointer read first:
    /// mov [a], eax ; mov eax, m ; mov [b], eax ; mov eax, [a] ; push return ; jmp [b]</summary>
    static bool IsIndirectCall(in Instruction original, List<Instruction> found, uint? window)
    {
        if (original.Op0Kind == OpKind.Register)
        {
            return found.Count == 2 && Pushes(found[0], original.NextIP32) && found[1].Code == Code.Jmp_rm32
                && found[1].Op0Kind == OpKind.Register && found[1].Op0Register == original.Op0Register;
        }

        return found.Count == 6
            && IsStore(found[0], out ulong kept) && IsLoadOf(found[1], original)
            && IsStore(found[2], out ulong pointer) && IsLoad(found[3], kept)
            && kept != pointer && IsScratch(kept, window) && IsScratch(pointer, window) && Pushes(found[4], original.NextIP32)
            && found[5].Code == Code.Jmp_rm32 && found[5].Op0Kind == OpKind.Memory && IsAbsolute(found[5]) && found[5].MemoryDisplacement64 == pointer;
    }

    static bool Pushes(in Instruction instruction, uint value) =>
        instruction.Code is Code.Pushd_imm32 or Code.Pushd_imm8 && (uint)instruction.GetImmediate(0) == value;

    static bool IsScratch(ulong address, uint? window) =>
        address - window - MonitorWindow.Data.Scratch < 4 * ScratchWords && address % 4 == 0;

    static bool IsStore(in Instruction instruction, out ulong address)
    {
        address = instruction.MemoryDisplacement64;
        return instruction.Code is Code.Mov_rm32_r32 or Code.Mov_moffs32_EAX && IsAbsolute(instruction)
            && instruction.Op0Kind == OpKind.Memory && instruction.Op1Register == Register.EAX;
    }

    static bool IsLoad(in Instruction instruction, ulong address) =>
        instruction.Code is Code.Mov_r32_rm32 or Code.Mov_EAX_moffs32 && instruction.Op0Register == Register.EAX
        && instruction.Op1Kind == OpKind.Memory && IsAbsolute(instruction) && instruction.MemoryDisplacement64 == address;

    static bool IsLoadOf(in Instruction instruction, in Instruction original) =>
        instruction.Code is Code.Mov_r32_rm32 or Code.Mov_EAX_moffs32 && instruction.Op0Register == Register.EAX
        && instruction.MemoryBase == original.MemoryBase && instruction.MemoryIndex == original.MemoryIndex
        && instruction.MemoryIndexScale == original.MemoryIndexScale && instruction.MemoryDisplacement64 == original.MemoryDisplacement64
        && instruction.MemorySegment == original.MemorySegment;

    static bool IsAbsolute(in Instruction instruction) => instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None;
}
