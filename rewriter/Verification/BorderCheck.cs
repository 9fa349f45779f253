using Iced.Intel;
using Rewriter.Images;
using Rewriter.Patching;

namespace Rewriter.Verification;

/// <summary>Ranges begin where an instruction does, what they swallow without a copy is padding, and nothing runs into the second jump of
/// another range.</summary>
static class BorderCheck
{
    public static void Run(VerifiedImage image, CheckLog log)
    {
        foreach (ImageSection section in image.Original.Sections.Where(s => s.IsExecutable && s.FileSize > 0))
        {
            bool isReached = true;
            foreach (Instruction instruction in image.InstructionsOf(section))
            {
                // What pads functions is executed only where something runs or jumps into it.
                log.Count();
                isReached |= !IsPadding(instruction) || image.Map.IsTarget(instruction.IP);
                if (isReached && image.PatchAt(instruction.IP) is null)
                {
                    Check(image, instruction, log);
                }

                isReached &= FallsThrough(instruction);
            }
        }

        foreach (Patch patch in image.Plan.Patches.Where(p => p.Trampoline.Length != 0))
        {
            CheckRest(image, patch, log);
        }
    }

    static void Check(VerifiedImage image, in Instruction instruction, CheckLog log)
    {
        if (instruction.Length > 1 && image.PatchAt(instruction.NextIP - 1) is not null)
        {
            log.Fail(instruction.IP, $"{instruction} is cut by a range that begins inside it");
        }

        if (FallsThrough(instruction) && image.PatchAt(instruction.NextIP) is { Trampoline.Length: 0 } landing && image.Landings.Contains(landing.Address))
        {
            log.Fail(instruction.IP, $"{instruction} runs into the second jump of another range");
        }
    }

    /// <summary>Behind the last instruction that moved there may be padding, and nothing else.</summary>
    static void CheckRest(VerifiedImage image, Patch patch, CheckLog log)
    {
        uint end = patch.Address + (uint)patch.NewBytes.Length;
        uint last = patch.Map.Where(m => m.IsRestart && m.GuestAddress - patch.Address < (uint)patch.NewBytes.Length).Select(m => m.GuestAddress).LastOrDefault(end);
        if (last == end || VerifiedImage.Decode(image.BytesAt(last, 15), last).FirstOrDefault() is not { Length: > 0 } instruction)
        {
            return; // MeaningCheck has it
        }

        uint rest = instruction.NextIP32;
        if (rest < end && !VerifiedImage.Decode(image.BytesAt(rest, (int)(end - rest)), rest).All(i => IsPadding(i) || i.IsInvalid))
        {
            log.Fail(rest, "is overwritten, no padding, and not in the trampoline");
        }
    }

    static bool IsPadding(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Nop or Mnemonic.Int3
        || (instruction.Code is Code.Lea_r32_m && instruction.MemoryBase == instruction.Op0Register && instruction.MemoryDisplacement32 == 0)
        || (instruction.Code is Code.Xchg_r32_EAX && instruction.Op0Register == Register.EAX);

    static bool FallsThrough(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.Next or FlowControl.ConditionalBranch or FlowControl.Call or FlowControl.IndirectCall;
}
