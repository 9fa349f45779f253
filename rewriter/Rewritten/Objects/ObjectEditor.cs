// What patches do to a relocatable object: sections with code grow by their trampolines, and relocations follow the instructions that
// moved there. The original bytes stay in the file; changed sections are written anew behind them.
using System.Buffers.Binary;
using Rewriter.Images;
using Rewriter.Images.Elf.Objects;
using Rewriter.Patching;

namespace Rewriter.Rewritten.Objects;

/// <summary>New contents for the sections of an object that a plan changes.</summary>
sealed class ObjectEditor
{
    const byte Filler = 0xCC;
    const uint Absolute32 = 1; // R_386_32
    const string ExceptionTable = "__ex_table";

    readonly ElfObject _source;
    readonly Dictionary<int, byte[]> _contents = [];
    readonly Dictionary<uint, uint> _moved = [];
    readonly List<Patch> _patches;

    public ObjectEditor(ElfObject source, PatchPlan plan)
    {
        _source = source;
        _patches = [.. plan.Patches];
        foreach (Patch patch in _patches)
        {
            // A displaced instruction is where the map says; the range's first address leads there as well.
            foreach (TrampolineMapEntry entry in patch.Map.Where(e => e.IsRestart && e.GuestAddress - patch.Address < (uint)patch.NewBytes.Length))
            {
                _moved.TryAdd(entry.GuestAddress, patch.TrampolineAddress + (uint)entry.Offset);
            }
        }

        for (int section = 1; section < source.Sections.Count; section++)
        {
            if (source.AddressOf(section) != 0 && source.Sections[section].IsExecutable)
            {
                ApplyPatches(section);
            }
        }

        foreach (ElfObjectRelocation relocation in source.Relocations)
        {
            Follow(relocation);
        }

        foreach (Patch patch in _patches)
        {
            RelocateReturnAddress(patch);
        }
    }

    /// <summary>Changed sections, by index.</summary>
    public IReadOnlyDictionary<int, byte[]> Contents => _contents;

    void ApplyPatches(int section)
    {
        uint address = (uint)_source.AddressOf(section);
        int size = (int)_source.Sections[section].Size;
        List<Patch> own = _patches.FindAll(p => p.Address - address < (uint)size);
        if (own.Count == 0)
        {
            return;
        }

        uint end = own.Max(p => p.Trampoline.Length == 0 ? 0 : p.TrampolineAddress + (uint)p.Trampoline.Length);
        var bytes = new byte[Math.Max(size, (int)(end - address))];
        Array.Fill(bytes, Filler);
        Original(section).CopyTo(bytes);
        foreach (Patch patch in own)
        {
            patch.NewBytes.Span.CopyTo(bytes.AsSpan((int)(patch.Address - address)));
            patch.Trampoline.Span.CopyTo(bytes.AsSpan(patch.Trampoline.Length == 0 ? 0 : (int)(patch.TrampolineAddress - address)));
        }

        _contents.Add(section, bytes);
    }

    /// <summary>A relocated field moves with its instruction. Where a field of the exception table names an instruction that moved, it names
    /// the place where that is now.</summary>
    void Follow(in ElfObjectRelocation relocation)
    {
        uint field = (uint)_source.AddressOf(relocation.Section) + relocation.Offset;
        if (_source.Sections[relocation.Section].IsExecutable)
        {
            if (_patches.Find(p => p.Tactic == PatchTactic.Redirected && field - p.Address < (uint)p.NewBytes.Length) is Patch redirected)
            {
                Redirect(relocation, redirected, (int)(field - redirected.Address));
            }
            else if (TryFindMoved(field, out uint start, out uint now))
            {
                Move(relocation, now + (field - start));
            }
        }
        else if (_source.Sections[relocation.Section].Name == ExceptionTable && relocation.Kind == RelocationKind.Relative32)
        {
            uint target = (uint)(_source.Symbols[relocation.Symbol].Address + (ulong)relocation.Addend);
            bool isFaulting = relocation.Offset % 12 == 0; // insn, fixup, data (asm/extable.h)
            if (_moved.TryGetValue(target, out uint now) && (isFaulting || !_patches.Exists(p => p.Address == target)))
            {
                Span<byte> addend = Edit(relocation.Section).AsSpan((int)relocation.Offset, 4);
                BinaryPrimitives.WriteUInt32LittleEndian(addend, (uint)relocation.Addend + (now - target));
            }
        }
    }

    /// <summary>A relocated branch that leads elsewhere now: as far elsewhere as its displacement says.</summary>
    void Redirect(in ElfObjectRelocation relocation, Patch patch, int at)
    {
        uint distance = BinaryPrimitives.ReadUInt32LittleEndian(patch.NewBytes.Span[at..])
            - BinaryPrimitives.ReadUInt32LittleEndian(patch.OriginalBytes.Span[at..]);
        BinaryPrimitives.WriteUInt32LittleEndian(
            _contents[relocation.Section].AsSpan((int)relocation.Offset), (uint)relocation.Addend + distance);
    }

    void Move(in ElfObjectRelocation relocation, uint field)
    {
        uint offset = field - (uint)_source.AddressOf(relocation.Section);
        Original(relocation.Section).Slice((int)relocation.Offset, 4).CopyTo(_contents[relocation.Section].AsSpan((int)offset));
        (int table, int entry) = TableOf(relocation);
        BinaryPrimitives.WriteUInt32LittleEndian(Edit(table).AsSpan(entry), offset);
    }

    /// <summary>A call that moved is PUSH of its original return address, which the loader has to relocate, and a jump.</summary>
    void RelocateReturnAddress(Patch patch)
    {
        if (!TryFindCall(patch, out uint call, out uint returnAddress))
        {
            return;
        }

        int section = SectionOf(patch.Address);
        (int symbol, ElfObjectSymbol home) = _source.Symbols.Index().FirstOrDefault(s => s.Item.Section == section);
        int table = Enumerable.Range(0, _source.Sections.Count)
            .FirstOrDefault(i => _source.Sections[i].Type == Images.Elf.ElfSection.Relocations && _source.Sections[i].Info == section);
        if (symbol == 0 || table == 0)
        {
            throw new BadImageException($"ELF section {_source.Sections[section].Name} has no symbol or no relocations: the call at "
                + $"0x{call:x8} cannot move");
        }

        uint field = _moved[call] + 1 - (uint)_source.AddressOf(section);
        BinaryPrimitives.WriteUInt32LittleEndian(_contents[section].AsSpan((int)field), returnAddress - (uint)home.Address);
        var entry = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, field);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), ((uint)symbol << 8) | Absolute32);
        _contents[table] = [.. Edit(table), .. entry];
    }

    /// <summary>The call that ends a range, if one does.</summary>
    bool TryFindCall(Patch patch, out uint call, out uint returnAddress)
    {
        (call, returnAddress) = (0, 0);
        foreach (TrampolineMapEntry entry in patch.Map.Where(e => e.IsRestart && _moved.ContainsKey(e.GuestAddress)))
        {
            ReadOnlySpan<byte> original = patch.OriginalBytes.Span[(int)(entry.GuestAddress - patch.Address)..];
            int length = original is [0xE8, ..] ? 5 : original is [0xFF, >= 0xD0 and <= 0xD7, ..] ? 2 : 0; // call rel32, call r32
            if (length != 0)
            {
                (call, returnAddress) = (entry.GuestAddress, entry.GuestAddress + (uint)length);
                return true;
            }
        }

        return false;
    }

    int SectionOf(uint address) =>
        Enumerable.Range(1, _source.Sections.Count - 1).First(i => _source.AddressOf(i) is ulong start && start != 0
            && address - start < _source.Sections[i].Size);

    bool TryFindMoved(uint field, out uint start, out uint now)
    {
        (start, now) = (0, 0);
        if (_patches.Find(p => field - p.Address < (uint)p.OriginalBytes.Length) is not Patch patch)
        {
            return false;
        }

        for (uint back = 0; back < 15; back++)
        {
            if (_moved.TryGetValue(field - back, out now))
            {
                start = field - back;
                now = FieldBase(patch, start, now);
                return true;
            }
        }

        throw new InvalidOperationException($"the relocated field at {field:x8} lies in a patch, but in no instruction that moved");
    }

    /// <summary>Where the instruction itself begins: behind the emulation prefix, or, of a call, behind the PUSH.</summary>
    uint FieldBase(Patch patch, uint guest, uint now)
    {
        const int PushLength = 5;
        ReadOnlySpan<byte> code = patch.Trampoline.Span[(int)(now - patch.TrampolineAddress)..];
        bool isCall = TryFindCall(patch, out uint call, out _) && call == guest;
        return now + (uint)(isCall ? PushLength : code.StartsWith(Scanning.EmulatePrefix.Bytes) ? Scanning.EmulatePrefix.Length : 0);
    }

    (int Table, int Entry) TableOf(in ElfObjectRelocation relocation)
    {
        for (int i = 0; i < _source.Sections.Count; i++)
        {
            Images.Elf.ElfSection section = _source.Sections[i];
            if (section.Type == Images.Elf.ElfSection.Relocations && relocation.EntryOffset >= (long)section.Offset
                && relocation.EntryOffset < (long)(section.Offset + section.Size))
            {
                return (i, (int)(relocation.EntryOffset - (long)section.Offset));
            }
        }

        throw new InvalidOperationException("a relocation has lost its table");
    }

    byte[] Edit(int section)
    {
        if (!_contents.TryGetValue(section, out byte[]? bytes))
        {
            _contents.Add(section, bytes = Original(section).ToArray());
        }

        return bytes;
    }

    ReadOnlySpan<byte> Original(int section) => _source.Sections[section].Bytes(_source.File).Bytes.Span;
}
