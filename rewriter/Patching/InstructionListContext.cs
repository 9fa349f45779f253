using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>A small stretch of code held in memory: what a run-time scan of a page has proven, or a test's code.</summary>
/// <param name="start">Address of the first byte.</param>
/// <param name="bytes">The original bytes.</param>
public sealed class InstructionListContext(uint start, ReadOnlyMemory<byte> bytes) : ICodeContext
{
    private readonly SortedList<uint, Instruction> _instructions = [];
    private readonly HashSet<uint> _targets = [];
    private readonly HashSet<uint> _sharedTargets = [];
    private readonly HashSet<uint> _fixedBytes = [];
    private readonly HashSet<uint> _paddingBytes = [];
    private readonly List<CodeRange> _holes = [];

    /// <summary>By address.</summary>
    public IEnumerable<Instruction> Instructions => _instructions.Values;

    /// <summary>Adds a proven instruction, decoded with IP = its address, and what its direct branch leads to.</summary>
    public void Add(in Instruction instruction)
    {
        _instructions[instruction.IP32] = instruction;
        if (DisplacedInstruction.TryGetTarget(instruction, out uint target))
            AddTarget(target);
        if (instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall)
            _targets.Add(instruction.NextIP32);
    }

    /// <summary>Decodes from the start to the end and adds everything that decodes.</summary>
    public void AddAll()
    {
        Decoder decoder = Decoder.Create(32, bytes.ToArray(), start);
        while (decoder.IP < start + (ulong)bytes.Length)
        {
            decoder.Decode(out Instruction instruction);
            if (!instruction.IsInvalid)
                Add(instruction);
        }
    }

    /// <summary>Notes a branch to the address; a second one makes the target shared.</summary>
    public void AddTarget(uint address)
    {
        if (!_targets.Add(address))
            _sharedTargets.Add(address);
    }

    public void AddNeverDisplace(uint address, int length) => AddRange(_fixedBytes, address, length);

    public void AddPadding(uint address, int length)
    {
        AddRange(_paddingBytes, address, length);
        if (length >= JumpRange.NearLength)
            _holes.Add(new CodeRange(address, address + (ulong)length));
    }

    public IReadOnlyList<CodeRange> Holes => _holes;

    public bool TryGetInstruction(uint address, out Instruction instruction) => _instructions.TryGetValue(address, out instruction);

    public bool TryGetPrevious(uint address, out Instruction previous)
    {
        for (uint length = 1; length <= 15; length++)
        {
            if (_instructions.TryGetValue(address - length, out previous) && previous.Length == length)
                return true;
        }

        previous = default;
        return false;
    }

    public bool IsTarget(uint address) => _targets.Contains(address);

    public bool IsSharedTarget(uint address) => _sharedTargets.Contains(address);

    public bool IsNeverDisplace(uint address, int length) => Any(_fixedBytes, address, length);

    public bool IsPadding(uint address, int length)
    {
        for (int i = 0; i < length; i++)
        {
            if (!_paddingBytes.Contains(address + (uint)i))
                return false;
        }

        return true;
    }

    public ReadOnlySpan<byte> Bytes(uint address, int length) => bytes.Span.Slice((int)(address - start), length);

    private static void AddRange(HashSet<uint> set, uint address, int length)
    {
        for (int i = 0; i < length; i++)
            set.Add(address + (uint)i);
    }

    private static bool Any(HashSet<uint> set, uint address, int length)
    {
        for (int i = 0; i < length; i++)
        {
            if (set.Contains(address + (uint)i))
                return true;
        }

        return false;
    }
}
