// What the checks share: the original's bytes by address, decoded by themselves, and the patches by address.
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Verification.Objects;

namespace Rewriter.Verification;

/// <summary>A rewritten image under examination.</summary>
/// <param name="Original">As it was before.</param>
/// <param name="File">The rewritten file.</param>
public sealed record VerifiedImage(KernelImage Original, PatchPlan Plan, Manifest Manifest, ReadOnlyMemory<byte> File)
{
    readonly uint[] _starts = [.. Plan.Patches.Select(p => p.Address)];

    /// <summary>Where jumps of patches go on by a second one.</summary>
    public IReadOnlySet<uint> Landings { get; } = Plan.Patches.Where(p => p.Landing != 0).Select(p => p.Landing).ToHashSet();

    /// <summary>Whether trampolines lie in the monitor window; those of a relocatable object lie in the object.</summary>
    public bool HasWindow => Original.Format != ImageFormat.Elf32Object;

    /// <summary>The scanner's tables of the original: exceptions, and which bytes of a mixed section are code. Not the planner's.</summary>
    public CodeMap Map => field ??= Scanner.Scan(Original).Map;

    /// <summary>Of a relocatable object: both files as a loader sees them.</summary>
    internal LoadedObject Object => field ??= new LoadedObject(this);

    /// <summary>An address for people: of an object, whose addresses are this program's choice, with section and offset.</summary>
    public string PlaceOf(ulong address)
    {
        ImageSection? section = HasWindow ? null : Original.Sections.LastOrDefault(s => s.Address <= address);
        return section is null ? $"0x{address:x8}" : $"0x{address:x8} ({section.Name}+0x{address - section.Address:x})";
    }

    /// <summary>The patch that covers an address, or null.</summary>
    public Patch? PatchAt(ulong address)
    {
        int index = address > uint.MaxValue ? -1 : Array.BinarySearch(_starts, (uint)address);
        index = index >= 0 ? index : ~index - 1;
        return index >= 0 && address - Plan.Patches[index].Address < (ulong)Plan.Patches[index].NewBytes.Length ? Plan.Patches[index] : null;
    }

    /// <summary>The site at an address, or null.</summary>
    public PlannedSite? SiteAt(ulong address) => _sites.GetValueOrDefault(address);

    readonly Dictionary<ulong, PlannedSite> _sites = Plan.Sites.ToDictionary(s => s.Site.Address);

    /// <summary>Original bytes from an address to the end of its section, or fewer.</summary>
    public ReadOnlyMemory<byte> BytesAt(ulong address, int length)
    {
        if (Original.SectionAt(address) is not { } section || address - section.Address >= (ulong)section.FileSize)
        {
            return default;
        }

        int offset = (int)(address - section.Address);
        return Original.Payload.Slice((int)section.FileOffset + offset, Math.Min(length, (int)section.FileSize - offset));
    }

    /// <summary>The instructions of an executable section: by a sweep where it holds nothing but code, else where the scanner says.</summary>
    public IEnumerable<Instruction> InstructionsOf(ImageSection section) => Map.SectionAt(section.Address) is { IsCodeOnly: true }
        ? Decode(BytesAt(section.Address, (int)section.FileSize), section.Address)
        : Map.InstructionsIn(section.Address, section.Address + (ulong)section.FileSize);

    /// <summary>Instructions from an address on, as far as the bytes go; an invalid one ends them.</summary>
    public static IEnumerable<Instruction> Decode(ReadOnlyMemory<byte> bytes, ulong address)
    {
        var decoder = Decoder.Create(32, new ByteArrayCodeReader(bytes.ToArray()), address);
        for (int at = 0; at < bytes.Length;)
        {
            decoder.Decode(out Instruction instruction);
            at += instruction.Length;
            yield return instruction;
            if (instruction.IsInvalid)
            {
                yield break;
            }
        }
    }
}
