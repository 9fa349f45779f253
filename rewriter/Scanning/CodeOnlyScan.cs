// Linux: sweep every executable section, read the kernel's own tables, then descend from everything that names code.
using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Scans an image whose executable sections hold nothing but code. A section whose sweep loses step is left to
/// <see cref="MixedScan"/>.</summary>
sealed class CodeOnlyScan(CodeMapBuilder map, int workers)
{
    /// <summary>Sections shorter than this are not worth a second thread.</summary>
    const int ShortestParallel = 1 << 20;

    /// <summary>Fills the map; returns the sensitive instructions of proven code.</summary>
    public List<Instruction> Run()
    {
        var sites = new List<Instruction>();
        var sweeps = new List<(CodeSection Section, SweepResult Sweep)>();
        foreach (CodeSection section in map.Sections)
        {
            SweepResult sweep = LinearSweep.Sweep(section, Boundaries(section), section.Bytes.Length < ShortestParallel ? 1 : workers);
            section.IsCodeOnly = sweep.InvalidCount == 0;
            if (section.IsCodeOnly)
            {
                sweeps.Add((section, sweep));
                sites.AddRange(sweep.Sites);
            }
            else
            {
                section.MutableMarks.AsSpan().Clear();
            }
        }

        var patchSites = new LinuxPatchSites(map);
        foreach ((CodeSection section, SweepResult sweep) in sweeps)
        {
            ApplyTargets(section, sweep);
            patchSites.AddFtraceSites(section, sweep.Targets);
        }

        new LinuxTables(map).ReadAll();
        patchSites.FindAll();
        List<ulong> roots = Roots();
        new SweptDescent(map).Run(roots);
        if (map.Sections.Any(s => !s.IsCodeOnly))
        {
            sites.AddRange(new MixedScan(map).Run());
        }

        return sites;
    }

    /// <summary>Function starts that divide a section into as many equal parts as there are workers.</summary>
    List<int> Boundaries(CodeSection section)
    {
        var boundaries = new List<int>();
        int part = section.Bytes.Length / workers;
        int next = part;
        foreach (ImageSymbol symbol in map.Image.Symbols)
        {
            if (symbol.IsFunction && section.Contains(symbol.Address) && symbol.Address - section.Address >= (ulong)next)
            {
                boundaries.Add((int)(symbol.Address - section.Address));
                next += part;
            }
        }

        return boundaries;
    }

    void ApplyTargets(CodeSection section, SweepResult sweep)
    {
        foreach (int offset in sweep.CallReturns)
        {
            if (offset < section.Bytes.Length)
            {
                section.MutableMarks[offset] |= CodeMarks.CallReturn;
            }
        }

        foreach (DirectTarget target in sweep.Targets)
        {
            CodeMarks mark = target.IsCall ? CodeMarks.CallTarget : CodeMarks.JumpTarget;
            if (section.Contains(target.Address))
            {
                section.MutableMarks[(int)(target.Address - section.Address)] |= mark;
            }
            else
            {
                map.Mark(target.Address, mark);
            }
        }
    }

    /// <summary>Everything that names code: entries, symbols, relocated words, fix-ups. All are also marked as reachable from
    /// elsewhere.</summary>
    List<ulong> Roots()
    {
        var roots = new List<ulong> { map.Image.EntryPoint };
        roots.AddRange(map.Image.OtherEntryPoints);
        roots.AddRange(map.Image.Symbols.Where(s => s.IsFunction).Select(s => s.Address));
        roots.AddRange(new DataWords(map).RelocatedTargets());
        foreach (ulong root in roots)
        {
            map.Mark(root, CodeMarks.AddressTaken);
        }

        roots.AddRange(map.Exceptions.Select(e => e.Fixup));
        return [.. roots.Distinct().Where(IsStart).Order()];
    }

    bool IsStart(ulong address) => (map.MarksAt(address) & CodeMarks.Start) != 0;
}
