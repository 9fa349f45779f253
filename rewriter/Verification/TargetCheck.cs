using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Scanning;

namespace Rewriter.Verification;

/// <summary>
/// Everything that is known to lead into an overwritten range leads to its start or to a guard that the map knows. Direct branches are
/// read by a sweep where that is possible; relocated words, symbols and the kernel's tables as they stand.
/// </summary>
static class TargetCheck
{
    public static void Run(VerifiedImage image, CheckLog log)
    {
        foreach (ImageSection section in image.Original.Sections.Where(s => s.IsExecutable && s.FileSize > 0))
        {
            CheckBranches(image, section, log);
        }

        foreach (ulong word in image.Original.Relocations)
        {
            ReadOnlyMemory<byte> bytes = image.BytesAt(word, 4);
            if (bytes.Length == 4)
            {
                Check(image, BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span), $"the relocated word at 0x{word:x8}", log);
            }
        }

        foreach (ImageSymbol symbol in image.Original.Symbols.Where(s => s.IsFunction))
        {
            Check(image, symbol.Address, "a function symbol", log);
        }

        foreach (ExceptionEntry entry in image.Map.Exceptions)
        {
            Check(image, entry.Fixup, $"the exception table's entry for 0x{entry.Address:x8}", log);
        }

        foreach (ulong entry in (ulong[])[image.Original.EntryPoint, .. image.Original.OtherEntryPoints])
        {
            Check(image, entry, "an entry point", log);
        }
    }

    static void CheckBranches(VerifiedImage image, ImageSection section, CheckLog log)
    {
        foreach (Instruction instruction in image.InstructionsOf(section))
        {
            if (instruction.Op0Kind == OpKind.NearBranch32)
            {
                Check(image, instruction.NearBranchTarget, $"{instruction.Mnemonic.ToString().ToLowerInvariant()} at 0x{instruction.IP:x8}", log);
            }

            if (instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall
                && image.PatchAt(instruction.NextIP) is not null)
            {
                Check(image, instruction.NextIP, $"the call at 0x{instruction.IP:x8} returns and", log);
            }
        }
    }

    static void Check(VerifiedImage image, ulong target, string what, CheckLog log)
    {
        log.Count();
        if (image.PatchAt(target) is not { } patch)
        {
            return;
        }

        // A range without a trampoline is a trap, or the landing of another jump, where no instruction of the guest's may be.
        bool isEntry = target == patch.Address && (patch.Trampoline.Length != 0 || patch.Tactic == PatchTactic.Trap);
        if (isEntry)
        {
            return;
        }

        // EntryCheck has seen to it that what the map has an entry for inside the range begins with a trap.
        bool isKnown = patch.Map.Any(entry => entry.IsRestart && entry.GuestAddress == target);
        log.Require(isKnown, target, $"{what} leads into the range at 0x{patch.Address:x8}, where nothing receives it");
    }
}
