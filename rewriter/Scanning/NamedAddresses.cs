// Code addresses that instructions name: as immediates, in switch tables, or in position-independent code as distances from the global
// offset table, whose address each function computes (System V i386 psABI, "Position-Independent Function Prologue").
using System.Buffers.Binary;
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>An address that an instruction names.</summary>
/// <param name="IsJumpedTo">An indirect jump is seen to use it; else it may be data, or no address at all.</param>
readonly record struct NamedAddress(ulong Address, bool IsJumpedTo);

/// <summary>Follows paths of instructions and says which of them may name code.</summary>
/// <param name="hasRelocations">Whether the image says itself which words are absolute addresses: then no other immediate is one.</param>
sealed class NamedAddresses(CodeMapBuilder map, bool hasRelocations)
{
    const int MostTableEntries = 1024;

    // A program has one table, so its address, once computed anywhere, is believed everywhere.
    readonly SortedSet<ulong> _tables = [];
    readonly List<(ulong Displacement, int Count)> _relative = [];
    readonly List<NamedAddress> _found = [];
    ulong _lastCallReturn;
    ulong _lastCompare;
    uint? _relativeTable;
    uint? _absoluteTable;

    /// <summary>Forgets what belongs to the path before.</summary>
    public void StartPath() => (_lastCallReturn, _relativeTable, _absoluteTable) = (0, null, null);

    /// <summary>Takes the path's next instruction; returns addresses that it may name. The list is reused.</summary>
    public IReadOnlyList<NamedAddress> Follow(in Instruction instruction)
    {
        _found.Clear();
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Call:
                _lastCallReturn = TellsItsAddress(instruction) ? instruction.NextIP : 0;
                break;
            case Mnemonic.Add when _lastCallReturn != 0 && instruction.Op0Kind == OpKind.Register
                && instruction.Op1Kind == OpKind.Immediate32:
                // call 1f; 1: pop r; add r, imm — or call thunk; add r, imm: either way the sum of return address and immediate.
                LearnTable((uint)(_lastCallReturn + instruction.Immediate32));
                _lastCallReturn = 0;
                break;
            case Mnemonic.Cmp when instruction.Op1Kind is OpKind.Immediate8 or OpKind.Immediate32
                or OpKind.Immediate8to32 or OpKind.Immediate8to16:
                _lastCompare = instruction.GetImmediate(1);
                break;
            case Mnemonic.Lea when instruction.IsIPRelativeMemoryOperand:
                _found.Add(new NamedAddress(instruction.IPRelativeMemoryAddress, false));
                break;
            case Mnemonic.Lea when instruction.MemoryBase != Register.None && instruction.MemoryIndex == Register.None:
                NameRelative(instruction.MemoryDisplacement32, 0);
                break;
            case Mnemonic.Mov or Mnemonic.Add or Mnemonic.Sub when IsTableLoad(instruction):
                _relativeTable = instruction.MemoryBase == Register.None ? null : instruction.MemoryDisplacement32;
                _absoluteTable = instruction.MemoryBase == Register.None ? instruction.MemoryDisplacement32 : null;
                break;
            case Mnemonic.Mov or Mnemonic.Push when !hasRelocations && ImmediateOf(instruction) is ulong immediate:
                _found.Add(new NamedAddress(immediate, false));
                break;
            case Mnemonic.Jmp when instruction.Op0Kind == OpKind.Memory && IsIndexed(instruction)
                && instruction.MemoryBase == Register.None:
                ReadEntries(0, instruction.MemoryDisplacement32, BoundedCount());
                break;
            case Mnemonic.Jmp when instruction.Op0Kind == OpKind.Register && _relativeTable is uint relative:
                NameRelative(relative, BoundedCount());
                break;
            case Mnemonic.Jmp when instruction.Op0Kind == OpKind.Register && _absoluteTable is uint absolute:
                ReadEntries(0, absolute, BoundedCount());
                break;
        }

        return _found;
    }

    /// <summary>A switch statement compares with its highest case before it jumps.</summary>
    int BoundedCount() => _lastCompare < MostTableEntries ? (int)_lastCompare + 1 : MostTableEntries;

    /// <summary>mov r, [base + index*4 + displacement]: the load of a switch statement.</summary>
    static bool IsTableLoad(in Instruction instruction) => instruction.Op1Kind == OpKind.Memory && IsIndexed(instruction);

    static bool IsIndexed(in Instruction instruction) =>
        instruction.MemoryIndexScale == 4 && instruction.MemoryIndex != Register.None && instruction.MemoryDisplSize >= 2;

    /// <summary>A call of the next instruction, or of a thunk that is mov r, [esp]; ret.</summary>
    bool TellsItsAddress(in Instruction call)
    {
        ulong target = call.NearBranchTarget;
        if (target == call.NextIP)
        {
            return true;
        }

        map.Decode(target, out Instruction load);
        map.Decode(load.NextIP, out Instruction end);
        return load.Code == Code.Mov_r32_rm32 && load.MemoryBase == Register.ESP && load.MemoryDisplacement32 == 0
            && end.Code == Code.Retnd;
    }

    static ulong? ImmediateOf(in Instruction instruction)
    {
        int last = instruction.OpCount - 1;
        return instruction.GetOpKind(last) == OpKind.Immediate32 ? instruction.Immediate32 : null;
    }

    void LearnTable(ulong table)
    {
        if (map.Image.SectionAt(table) is null || !_tables.Add(table))
        {
            return;
        }

        foreach ((ulong displacement, int count) in _relative)
        {
            ReadEntries(table, displacement, count);
        }
    }

    /// <param name="count">Entries of the switch table there; 0 where the place itself is named.</param>
    void NameRelative(ulong displacement, int count)
    {
        _relative.Add((displacement, count));
        foreach (ulong table in _tables)
        {
            ReadEntries(table, displacement, count);
        }
    }

    /// <summary>Entries are distances from <paramref name="origin"/>, as the table's own place is; the first that is no code address ends
    /// it.</summary>
    void ReadEntries(ulong origin, ulong displacement, int count)
    {
        ulong start = (uint)(origin + displacement);
        if (count == 0)
        {
            _found.Add(new NamedAddress(start, false));
        }

        for (int i = 0; i < count; i++)
        {
            if (!TryReadWord(start + ((ulong)i * 4), out uint entry) || map.SectionAt((uint)(origin + entry)) is null)
            {
                return;
            }

            _found.Add(new NamedAddress((uint)(origin + entry), true));
        }
    }

    bool TryReadWord(ulong address, out uint word)
    {
        word = 0;
        if (map.Image.SectionAt(address) is not { FileSize: >= 4 } section || address - section.Address > (ulong)section.FileSize - 4)
        {
            return false;
        }

        word = BinaryPrimitives.ReadUInt32LittleEndian(map.Image.Bytes(section)[(int)(address - section.Address)..]);
        return true;
    }
}
