// Code addresses that instructions name: as immediates, or in position-independent code as distances from the global offset table, whose
// address each function computes (System V i386 psABI, "Position-Independent Function Prologue").
using System.Buffers.Binary;
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Follows a path of instructions and says which of them may name code.</summary>
/// <param name="hasRelocations">Whether the image says itself which words are absolute addresses: then no other immediate is one.</param>
sealed class PositionIndependentCode(CodeMapBuilder map, bool hasRelocations)
{
    const int MostTableEntries = 1024;

    // A program has one table, so its address, once computed anywhere, is believed everywhere.
    readonly SortedSet<ulong> _tables = [];
    readonly List<ulong> _found = [];
    readonly List<(ulong Displacement, int Count)> _waiting = [];
    ulong _lastCallReturn;
    ulong _lastCompare;
    ulong _jumpTable;

    /// <summary>Forgets what belongs to the path before.</summary>
    public void StartPath() => _lastCallReturn = 0;

    /// <summary>Takes the path's next instruction; returns addresses that it may name. The list is reused.</summary>
    public IReadOnlyList<ulong> Follow(in Instruction instruction)
    {
        _found.Clear();
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Call:
                _lastCallReturn = TellsItsAddress(instruction) ? instruction.NextIP : 0;
                break;
            case Mnemonic.Add when _lastCallReturn != 0 && instruction.Op0Kind == OpKind.Register && instruction.Op1Kind == OpKind.Immediate32:
                // call 1f; 1: pop r; add r, imm — or call thunk; add r, imm: either way the sum of return address and immediate.
                LearnTable((uint)(_lastCallReturn + instruction.Immediate32));
                _lastCallReturn = 0;
                break;
            case Mnemonic.Cmp when instruction.Op1Kind is OpKind.Immediate8 or OpKind.Immediate32 or OpKind.Immediate8to32 or OpKind.Immediate8to16:
                _lastCompare = instruction.GetImmediate(1);
                break;
            case Mnemonic.Lea when instruction.MemoryBase != Register.None && instruction.MemoryIndex == Register.None:
                Name(instruction.MemoryDisplacement32);
                break;
            case Mnemonic.Mov or Mnemonic.Add or Mnemonic.Sub when IsTableLoad(instruction):
                _jumpTable = instruction.MemoryDisplacement32;
                break;
            case Mnemonic.Mov or Mnemonic.Push when !hasRelocations && ImmediateOf(instruction) is ulong immediate:
                _found.Add(immediate);
                break;
            case Mnemonic.Jmp when instruction.Op0Kind == OpKind.Register && _jumpTable != 0:
                ReadJumpTable(_jumpTable, _lastCompare < MostTableEntries ? (int)_lastCompare + 1 : MostTableEntries);
                _jumpTable = 0;
                break;
        }

        return _found;
    }

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
        return load.Code == Code.Mov_r32_rm32 && load.MemoryBase == Register.ESP && load.MemoryDisplacement32 == 0 && end.Code == Code.Retnd;
    }

    /// <summary>mov r, [base + index*4 + displacement]: the load of a switch statement.</summary>
    static bool IsTableLoad(in Instruction instruction) =>
        instruction.Op1Kind == OpKind.Memory && instruction.MemoryIndexScale == 4 && instruction.MemoryIndex != Register.None
        && instruction.MemoryBase != Register.None && instruction.MemoryDisplSize >= 2;

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

        foreach ((ulong displacement, int count) in _waiting)
        {
            ReadEntries(table, displacement, count);
        }
    }

    void Name(uint displacement)
    {
        _waiting.Add((displacement, 0));
        foreach (ulong table in _tables)
        {
            _found.Add((uint)(table + displacement));
        }
    }

    void ReadJumpTable(ulong displacement, int count)
    {
        _waiting.Add((displacement, count));
        foreach (ulong table in _tables)
        {
            ReadEntries(table, displacement, count);
        }
    }

    /// <summary>Entries are distances from the table; a count of zero means the displacement itself names something.</summary>
    void ReadEntries(ulong table, ulong displacement, int count)
    {
        ulong start = (uint)(table + displacement);
        if (count == 0)
        {
            _found.Add(start);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            if (!TryReadWord(start + ((ulong)i * 4), out uint entry) || map.SectionAt((uint)(table + entry)) is null)
            {
                return;
            }

            _found.Add((uint)(table + entry));
        }
    }

    bool TryReadWord(ulong address, out uint word)
    {
        word = 0;
        if (map.Image.SectionAt(address) is not { } section || address - section.Address > (ulong)section.FileSize - 4 || section.FileSize < 4)
        {
            return false;
        }

        word = BinaryPrimitives.ReadUInt32LittleEndian(map.Image.Bytes(section)[(int)(address - section.Address)..]);
        return true;
    }
}
