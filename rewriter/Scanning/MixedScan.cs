using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Scans an image whose executable sections may hold data: only descent proves code.</summary>
sealed class MixedScan(CodeMapBuilder map)
{
    /// <summary>Fills the map; returns the sensitive instructions of proven code.</summary>
    public List<Instruction> Run()
    {
        var words = new DataWords(map);
        List<ulong> selfRelocated = [.. words.SelfRelocatedTargets()];
        bool hasRelocations = map.Image.Relocations.Count != 0 || selfRelocated.Count != 0
            || map.Image.Format is ImageFormat.Pe32 or ImageFormat.Pe32Plus;
        var descent = new RecursiveDescent(map, hasRelocations);
        List<ulong> roots = [map.Image.EntryPoint, .. map.Image.OtherEntryPoints, .. map.Image.Symbols.Where(s => s.IsFunction)
            .Select(s => s.Address)];
        roots.RemoveAll(r => map.SectionAt(r) is null);
        foreach (ulong root in roots)
        {
            map.Mark(root, CodeMarks.AddressTaken);
        }

        map.Functions.AddRange(roots);
        descent.Run(roots);
        descent.RunCandidates(map.Image.Symbols.Where(s => !s.IsFunction).Select(s => s.Address), areNamed: true);
        descent.RunCandidates(words.RelocatedTargets());
        descent.RunCandidates(selfRelocated);
        List<ulong> suspects = hasRelocations ? [] : [.. words.Suspects().Distinct()];
        descent.RunCandidates(suspects);
        MarkNamedStarts(suspects);
        return descent.Sites;
    }

    /// <summary>A word that holds the address of a proven instruction may be what an indirect jump loads, whether that is how it was found
    /// or not.</summary>
    void MarkNamedStarts(List<ulong> suspects)
    {
        foreach (ulong address in suspects)
        {
            if ((map.MarksAt(address) & CodeMarks.Start) != 0)
            {
                map.Mark(address, CodeMarks.AddressTaken);
            }
        }
    }
}
