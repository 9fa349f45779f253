// What the scanner knows about an image's code: the one thing that the planner asks before it displaces a byte.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>
/// Instruction starts, targets, tables and padding of all executable sections. Addresses are linked virtual ones; an address
/// outside every section has no marks. Immutable once the scanner has returned it, and safe to share between threads.
/// </summary>
public sealed class CodeMap
{
    readonly CodeSection[] _sections;
    readonly ulong[] _functions;
    readonly CodeRange[] _holes;
    readonly SelfPatchedRange[] _selfPatched;
    readonly ExceptionEntry[] _exceptions;
    readonly int _longestSelfPatched;

    /// <param name="functions">Addresses of first instructions; any order.</param>
    /// <param name="holes">Padding that nothing reaches; any order, not overlapping.</param>
    internal CodeMap(
        IEnumerable<CodeSection> sections,
        IEnumerable<ulong> functions,
        IEnumerable<CodeRange> holes,
        IEnumerable<SelfPatchedRange> selfPatched,
        IEnumerable<ExceptionEntry> exceptions)
    {
        _sections = [.. sections.OrderBy(s => s.Address)];
        _functions = [.. functions.Distinct().Order()];
        _holes = [.. holes.OrderBy(h => h.Start)];
        _selfPatched = [.. selfPatched.Distinct().OrderBy(s => s.Start).ThenBy(s => s.Length).ThenBy(s => s.Kind)];
        _exceptions = [.. exceptions.Distinct().OrderBy(e => e.Address).ThenBy(e => e.Fixup)];
        _longestSelfPatched = _selfPatched.Length == 0 ? 0 : _selfPatched.Max(s => s.Length);
    }

    /// <summary>By address.</summary>
    public IReadOnlyList<CodeSection> Sections => _sections;

    /// <summary>First instructions of functions, by address: symbols, call targets, the entry point.</summary>
    public ReadOnlySpan<ulong> Functions => _functions;

    /// <summary>Runs of INT3 and NOP after an instruction that does not go on, which no target lies in: free for use. By address.</summary>
    public ReadOnlySpan<CodeRange> Holes => _holes;

    /// <summary>Bytes that the kernel overwrites or compares itself. By address; they may overlap.</summary>
    public ReadOnlySpan<SelfPatchedRange> SelfPatched => _selfPatched;

    /// <summary>The kernel's exception table, by faulting address.</summary>
    public ReadOnlySpan<ExceptionEntry> Exceptions => _exceptions;

    /// <summary>The section that holds an address, or null.</summary>
    public CodeSection? SectionAt(ulong address)
    {
        foreach (CodeSection section in _sections)
        {
            if (section.Contains(address))
            {
                return section;
            }
        }

        return null;
    }

    public CodeMarks MarksAt(ulong address) =>
        SectionAt(address) is CodeSection section ? section.Marks[(int)(address - section.Address)] : CodeMarks.None;

    /// <summary>Whether a proven instruction begins here.</summary>
    public bool IsInstructionStart(ulong address) => (MarksAt(address) & CodeMarks.Start) != 0;

    /// <summary>Whether control may arrive here from elsewhere without an exception: by a jump, call or return.</summary>
    public bool IsTarget(ulong address) => (MarksAt(address) & CodeMarks.Target) != 0;

    /// <summary>Decodes the instruction at an address; <see cref="Code.INVALID"/> outside the sections.</summary>
    public Instruction Decode(ulong address) => SectionAt(address)?.Decode(address) ?? default;

    /// <summary>The proven instruction that ends where <paramref name="address"/> begins, if there is one.</summary>
    public bool TryPrevious(ulong address, out Instruction instruction)
    {
        if (SectionAt(address - 1) is CodeSection section)
        {
            int end = (int)(address - section.Address);
            for (int offset = end - 1; offset >= 0 && end - offset <= 15; offset--)
            {
                if ((section.Marks[offset] & CodeMarks.Start) != 0)
                {
                    instruction = section.Decode(section.Address + (ulong)offset);
                    return instruction.Length == end - offset;
                }
            }
        }

        instruction = default;
        return false;
    }

    /// <summary>Proven instructions that begin in [start, end), by address. The range may span bytes that are not proven: they are passed
    /// over.</summary>
    public IEnumerable<Instruction> InstructionsIn(ulong start, ulong end)
    {
        foreach (CodeSection section in _sections)
        {
            ulong from = Math.Max(start, section.Address);
            ulong to = Math.Min(end, section.End);
            if (from >= to)
            {
                continue;
            }

            var reader = new InstructionReader(section);
            int last = (int)(to - section.Address);
            for (int offset = section.NextStart((int)(from - section.Address)); offset < last; offset = section.NextStart(offset + 1))
            {
                reader.ReadAt(section.Address + (ulong)offset, out Instruction instruction);
                yield return instruction;
            }
        }
    }

    /// <summary>The basic block around a proven instruction: from the last target or instruction after a jump up to the end of the
    /// first that may not go on. Calls do not end a block for this purpose, but their return points begin one.</summary>
    public CodeRange BlockAt(ulong address)
    {
        ulong start = address;
        while (!IsTarget(start) && TryPrevious(start, out Instruction previous) && !IsFlow(previous.IP))
        {
            start = previous.IP;
        }

        ulong end = address;
        do
        {
            Instruction instruction = Decode(end);
            bool isLast = IsFlow(end) || instruction.Length == 0;
            end += (ulong)instruction.Length;
            if (isLast)
            {
                break;
            }
        }
        while (IsInstructionStart(end) && !IsTarget(end));
        return new CodeRange(start, end);
    }

    /// <summary>From the nearest known function start at or before an address to the next one or the section's end; null before the
    /// first.</summary>
    public CodeRange? FunctionAt(ulong address)
    {
        if (SectionAt(address) is not CodeSection section)
        {
            return null;
        }

        int index = Array.BinarySearch(_functions, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0 || _functions[index] < section.Address)
        {
            return null;
        }

        ulong end = index + 1 < _functions.Length ? Math.Min(_functions[index + 1], section.End) : section.End;
        return new CodeRange(_functions[index], end);
    }

    /// <summary>The first self-patched range that overlaps [start, end), if there is one.</summary>
    public bool TryFindSelfPatched(ulong start, ulong end, out SelfPatchedRange found)
    {
        ulong reach = (ulong)_longestSelfPatched;
        ulong first = start > reach ? start - reach : 0;
        for (int i = LowerBound(_selfPatched, first, s => s.Start); i < _selfPatched.Length && _selfPatched[i].Start < end; i++)
        {
            if (_selfPatched[i].End > start)
            {
                found = _selfPatched[i];
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>Exception-table entries whose faulting address lies in [start, end).</summary>
    public ReadOnlySpan<ExceptionEntry> ExceptionsIn(ulong start, ulong end)
    {
        int first = LowerBound(_exceptions, start, e => e.Address);
        int last = first;
        while (last < _exceptions.Length && _exceptions[last].Address < end)
        {
            last++;
        }

        return _exceptions.AsSpan(first, last - first);
    }

    bool IsFlow(ulong address) => (MarksAt(address) & CodeMarks.Flow) != 0;

    static int LowerBound<T>(T[] sorted, ulong value, Func<T, ulong> key)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = key(sorted[middle]) < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
