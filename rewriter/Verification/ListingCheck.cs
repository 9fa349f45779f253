using Iced.Intel;
using Rewriter.Images;
using Rewriter.Scanning;

namespace Rewriter.Verification;

/// <summary>
/// Looks for sensitive instructions once more: along direct control flow from entry points and function symbols, and by a sweep of
/// sections that hold nothing but code. What is met must be listed, as what it is.
/// </summary>
static class ListingCheck
{
    public static void Run(VerifiedImage image, CheckLog log)
    {
        foreach (ImageSection section in image.Original.Sections.Where(s => s.IsExecutable && s.FileSize > 0))
        {
            // Elsewhere data decodes too: what a sweep sees there proves nothing.
            if (image.Map.SectionAt(section.Address) is { IsCodeOnly: true })
            {
                Sweep(image, section, log);
            }
        }

        Descend(image, log);
    }

    static void Sweep(VerifiedImage image, ImageSection section, CheckLog log)
    {
        foreach (Instruction instruction in VerifiedImage.Decode(image.BytesAt(section.Address, (int)section.FileSize), section.Address))
        {
            log.Count();
            if (SensitivityTable.TryClassify(instruction, out _) && image.SiteAt(instruction.IP) is null)
            {
                log.Fail(instruction.IP, $"{instruction} is sensitive and not listed");
            }
        }
    }

    static void Descend(VerifiedImage image, CheckLog log)
    {
        var seen = new HashSet<ulong>();
        var open = new Stack<ulong>([EntryOf(image.Original), .. image.Original.Symbols.Where(s => s.IsFunction).Select(s => s.Address)]);
        while (open.TryPop(out ulong start))
        {
            if (image.Original.SectionAt(start) is not { IsExecutable: true } section || seen.Contains(start))
            {
                continue;
            }

            foreach (Instruction instruction in VerifiedImage.Decode(Ahead(image, section, start), start))
            {
                if (instruction.IsInvalid || !seen.Add(instruction.IP))
                {
                    break;
                }

                log.Count();
                CheckSite(image, instruction, log);
                if (instruction.Op0Kind is OpKind.NearBranch32)
                {
                    open.Push(instruction.NearBranchTarget);
                }

                bool ends = instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return
                    or FlowControl.Exception;
                bool mayNotReturn = instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall or FlowControl.Interrupt;
                if (ends || (mayNotReturn && !image.Map.IsInstructionStart(instruction.NextIP)))
                {
                    break;
                }
            }
        }
    }

    // Where paging is off at the entry, it is named by its load address.
    static ulong EntryOf(KernelImage image)
    {
        ulong entry = image.EntryPoint;
        return image.SectionAt(entry) is null && image.Sections.FirstOrDefault(s => entry - s.LoadAddress < (ulong)s.MemorySize) is { } section
            ? section.Address + (entry - section.LoadAddress)
            : entry;
    }

    // A stretch that holds many blocks, and not all of a section for each.
    static ReadOnlyMemory<byte> Ahead(VerifiedImage image, ImageSection section, ulong start) =>
        image.BytesAt(start, (int)Math.Min(256, section.FileSize));

    static void CheckSite(VerifiedImage image, in Instruction instruction, CheckLog log)
    {
        if (!SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity))
        {
            return;
        }

        if (image.SiteAt(instruction.IP) is not { } listed)
        {
            log.Fail(instruction.IP, $"{instruction} is reached from a function's start and not listed");
        }
        else if (listed.Site.Class != sensitivity && listed.Site.Class != SensitivityClass.Replaced)
        {
            log.Fail(instruction.IP, $"{instruction} is {sensitivity}, and listed as {listed.Site.Class}");
        }
    }
}
