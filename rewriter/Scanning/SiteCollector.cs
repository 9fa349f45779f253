using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Turns decoded sensitive instructions into sites with section, symbol and confidence.</summary>
sealed class SiteCollector(CodeMapBuilder map)
{
    readonly SymbolIndex _symbols = new(map.Image);
    readonly SortedDictionary<ulong, SensitiveInstruction> _sites = [];

    /// <summary>Adds instructions of proven code: high where descent reached them, else medium; low where the kernel only copies them
    /// from.</summary>
    public void AddProven(List<Instruction> instructions)
    {
        List<SelfPatchedRange> sources = [.. map.SelfPatched.Where(s => s.Kind == SelfPatchKind.AlternativeSource)];
        foreach (Instruction instruction in instructions)
        {
            bool isCopied = sources.Any(s => instruction.IP >= s.Start && instruction.IP < s.End);
            bool isReached = (map.MarksAt(instruction.IP) & CodeMarks.Descent) != 0;
            Add(instruction, isCopied ? SiteConfidence.Low : isReached ? SiteConfidence.High : SiteConfidence.Medium);
        }
    }

    /// <summary>Sweeps what no proven instruction covers and adds what looks sensitive there.</summary>
    public void AddSuspected()
    {
        foreach (CodeSection section in map.Sections.Where(s => !s.IsCodeOnly))
        {
            var scratch = new CodeMarks[section.Bytes.Length];
            foreach (CodeRange gap in Gaps(section))
            {
                SweepResult sweep = LinearSweep.SweepChunk(section, scratch, (int)(gap.Start - section.Address),
                    (int)(gap.End - section.Address));
                foreach (Instruction instruction in sweep.Sites)
                {
                    if (!map.IsData(instruction.IP))
                    {
                        Add(instruction, SiteConfidence.Low);
                    }
                }
            }
        }
    }

    /// <summary>By address.</summary>
    public List<SensitiveInstruction> ToList() => [.. _sites.Values];

    IEnumerable<CodeRange> Gaps(CodeSection section)
    {
        ulong start = section.Address;
        for (int offset = section.NextStart(0); offset < section.Bytes.Length; offset = section.NextStart(offset + 1))
        {
            ulong address = section.Address + (ulong)offset;
            if (address > start)
            {
                yield return new CodeRange(start, address);
            }

            map.Decode(address, out Instruction instruction);
            start = Math.Max(start, instruction.NextIP);
        }

        if (section.End > start)
        {
            yield return new CodeRange(start, section.End);
        }
    }

    void Add(in Instruction instruction, SiteConfidence confidence)
    {
        if (!SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity)
            || map.SectionAt(instruction.IP) is not CodeSection section)
        {
            return;
        }

        ReadOnlyMemory<byte> code = section.Bytes.Slice((int)(instruction.IP - section.Address), instruction.Length);
        _sites[instruction.IP] =
            new SensitiveInstruction(instruction, code, sensitivity, confidence, section.Name, _symbols.NameOf(instruction.IP));
    }
}
