// The tables by which a Linux kernel describes its own code (arch/x86/include/asm: extable.h, bug.h, alternative.h, paravirt_types.h). All
// are found by section name, which the ELF file in a bzImage keeps; layouts are those of 5.18 to 6.6 for i386.
using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Reads the tables into a map. An entry that does not point into code is passed over: the tables are padded.</summary>
sealed class LinuxTables(CodeMapBuilder map)
{
    const int ExceptionEntrySize = 12; // insn, fixup, data: all 32 bits, the first two relative to themselves
    const int BugEntrySize = 12;
    const int AlternativeEntrySize = 12; // instr, replacement: relative to themselves; feature u16; two lengths u8
    const int ParavirtEntrySize = 8; // address; type u8; length u8; padding

    /// <summary>Whether an image is a Linux kernel: it has the tables that no other kernel names so.</summary>
    public static bool IsLinux(KernelImage image) => IsModule(image)
        || image.Sections.Any(s => s.Name == "__ex_table") && image.Sections.Any(s => s.Name is ".altinstructions" or "__ksymtab");

    /// <summary>Whether an image is a loadable module of Linux.</summary>
    public static bool IsModule(KernelImage image) => image.Format is ImageFormat.Elf32Object or ImageFormat.Elf64Object
        && image.Sections.Any(s => s.Name == ".modinfo") && image.Sections.Any(s => s.Name == ".gnu.linkonce.this_module");

    public void ReadAll()
    {
        ForEach("__ex_table", ExceptionEntrySize, ReadException);
        ForEach("__bug_table", BugEntrySize, ReadBug);
        ForEach(".altinstructions", AlternativeEntrySize, ReadAlternative);
        ForEach(".parainstructions", ParavirtEntrySize, ReadParavirt);
        ForEach(".smp_locks", 4, (at, entry) => AddIf(at + Signed(entry, 0), 1, SelfPatchKind.SmpLock, IsLockByte));
        ForEach(".static_call_sites", 8, (at, entry) => AddIf(at + Signed(entry, 0), 5, SelfPatchKind.StaticCall, IsStart));
        ForEach(".retpoline_sites", 4, (at, entry) => AddIf(at + Signed(entry, 0), 5, SelfPatchKind.Thunk, IsStart));
        ForEach(".return_sites", 4, (at, entry) => AddIf(at + Signed(entry, 0), 5, SelfPatchKind.Thunk, IsStart));
        ForEach("__mcount_loc", map.Image.Bitness / 8, (_, entry) =>
            AddIf(map.Image.Bitness == 64 ? BinaryPrimitives.ReadUInt64LittleEndian(entry) : BinaryPrimitives.ReadUInt32LittleEndian(entry),
                5, SelfPatchKind.Ftrace, IsStart));
        foreach (CodeSection section in map.Sections.Where(s => s.Name == ".altinstr_replacement"))
        {
            map.SelfPatched.Add(new SelfPatchedRange(section.Address, section.Bytes.Length, SelfPatchKind.AlternativeSource));
        }
    }

    delegate void EntryReader(ulong address, ReadOnlySpan<byte> entry);

    void ForEach(string name, int size, EntryReader read)
    {
        foreach (ImageSection section in map.Image.Sections.Where(s => s.Name == name))
        {
            ReadOnlySpan<byte> bytes = map.Image.Bytes(section);
            for (int at = 0; at <= bytes.Length - size; at += size)
            {
                read(section.Address + (ulong)at, bytes.Slice(at, size));
            }
        }
    }

    void ReadException(ulong at, ReadOnlySpan<byte> entry)
    {
        ulong address = Wrap(at + Signed(entry, 0));
        ulong fixup = Wrap(at + 4 + Signed(entry, 4));
        if (map.SectionAt(address) is null || map.SectionAt(fixup) is null)
        {
            return;
        }

        map.Exceptions.Add(new ExceptionEntry(address, fixup));
        map.Mark(address, CodeMarks.Intercepted);
        map.Mark(fixup, CodeMarks.Intercepted);
    }

    void ReadBug(ulong at, ReadOnlySpan<byte> entry)
    {
        // Absolute, or relative to itself with CONFIG_GENERIC_BUG_RELATIVE_POINTERS: the one that is UD2 (0F 0B).
        ulong absolute = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        ulong relative = Wrap(at + Signed(entry, 0));
        map.Mark(IsUd2(absolute) ? absolute : IsUd2(relative) ? relative : 0, CodeMarks.Intercepted);
    }

    void ReadAlternative(ulong at, ReadOnlySpan<byte> entry)
    {
        ulong address = Wrap(at + Signed(entry, 0));
        int length = entry[10];
        if (length > 0)
        {
            AddIf(address, length, SelfPatchKind.Alternative, IsStart);
        }
    }

    void ReadParavirt(ulong at, ReadOnlySpan<byte> entry) =>
        AddIf(BinaryPrimitives.ReadUInt32LittleEndian(entry), Math.Max(1, (int)entry[5]), SelfPatchKind.Paravirt, IsStart);

    void AddIf(ulong address, int length, SelfPatchKind kind, Func<ulong, bool> isPlausible)
    {
        address = Wrap(address);
        if (isPlausible(address))
        {
            map.SelfPatched.Add(new SelfPatchedRange(address, length, kind));
        }
    }

    bool IsStart(ulong address) => (map.MarksAt(address) & CodeMarks.Start) != 0;

    bool IsUd2(ulong address)
    {
        map.Decode(address, out Instruction instruction);
        return instruction.Code == Code.Ud2;
    }

    bool IsLockByte(ulong address) =>
        map.SectionAt(address) is CodeSection s && s.Bytes.Span[(int)(address - s.Address)] is 0xF0 or 0x3E;

    ulong Wrap(ulong address) => map.Image.Bitness == 32 ? (uint)address : address;

    static ulong Signed(ReadOnlySpan<byte> entry, int offset) => (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(entry[offset..]);
}
