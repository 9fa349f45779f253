// What a trampoline does instead of the range: each displaced instruction is held against the code that stands for it.
using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Scanning;

namespace Rewriter.Verification;

/// <summary>Compares displaced instructions with their trampolines, and finds each where an exception would look for it.</summary>
static class MeaningCheck
{
    public static void Run(VerifiedImage image, CheckLog log)
    {
        var shims = new ShimExpectation(image);
        foreach (Patch patch in image.Plan.Patches.Where(p => p.Trampoline.Length != 0))
        {
            CheckPatch(image, patch, shims, log);
            foreach (ExceptionEntry entry in image.Map.ExceptionsIn(patch.Address, patch.Address + (ulong)patch.NewBytes.Length))
            {
                // The kernel looks the faulting EIP up in its table: the map must give the very address that is there.
                log.Require(patch.Map.Any(m => m.GuestAddress == entry.Address), entry.Address,
                    "the exception table names it, and no place in the trampoline stands for it");
            }
        }
    }

    static void CheckPatch(VerifiedImage image, Patch patch, ShimExpectation shims, CheckLog log)
    {
        List<TrampolineMapEntry> restarts = [.. patch.Map.Where(entry => entry.IsRestart)];
        uint at = patch.Address;
        for (int i = 0; i < restarts.Count; i++)
        {
            TrampolineMapEntry restart = restarts[i];
            if (restart.GuestAddress != at)
            {
                log.Fail(at, $"the trampoline's map goes on with 0x{restart.GuestAddress:x8}");
                return;
            }

            int end = i + 1 < restarts.Count ? restarts[i + 1].Offset : patch.Trampoline.Length;
            ReadOnlyMemory<byte> code = patch.Trampoline[restart.Offset..end];
            uint place = patch.TrampolineAddress + (uint)restart.Offset;
            if (at - patch.Address == (uint)patch.NewBytes.Length)
            {
                log.Require(IsJumpTo(code, place, at), at, "the trampoline does not come back behind the range");
                return;
            }

            Instruction original = VerifiedImage.Decode(image.BytesAt(at, 15), at).FirstOrDefault();
            if (original.Length == 0 || original.IsInvalid)
            {
                log.Fail(at, "the original holds no instruction where the trampoline's map has one");
                return;
            }

            log.Count();
            CheckInstruction(image, patch, original, code, place, shims, log);
            at = original.NextIP32;
        }

        // Padding aside, which nothing reaches, the last instruction must be one that does not go on.
        Instruction last = restarts.Count == 0 ? default : VerifiedImage.Decode(image.BytesAt(restarts[^1].GuestAddress, 15), restarts[^1].GuestAddress).First();
        log.Require(last.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch or FlowControl.Interrupt), patch.Address,
            "the trampoline ends, and the original goes on");
    }

    static void CheckInstruction(VerifiedImage image, Patch patch, in Instruction original, ReadOnlyMemory<byte> code, uint place,
        ShimExpectation shims, CheckLog log)
    {
        if (image.SiteAt(original.IP) is { } site)
        {
            log.Require(shims.IsShim(site, code, place), original.IP, $"the trampoline does not hold the shim '{site.Shim}' of site {site.Index}");
        }
        else
        {
            log.Require(DisplacedMeaning.IsSame(patch, original, image.BytesAt(original.IP, original.Length), code, place,
                image.HasWindow ? image.Plan.WindowBase : null), original.IP,
                $"the trampoline does something else than {original}");
        }
    }

    static bool IsJumpTo(ReadOnlyMemory<byte> code, uint place, uint target) =>
        VerifiedImage.Decode(code, place).First() is { Code: Code.Jmp_rel32_32 or Code.Jmp_rel8_32 } jump && jump.NearBranch32 == target
        && jump.Length == code.Length;
}
