// What is appended to a rewritten ELF file so that binary tools see it: sections for the trampolines and the manifest. Existing bytes keep
// their places; only three fields of the file header change. No segment is added: to every other loader the file is the kernel it was.
using System.Buffers.Binary;
using Rewriter.Images;
using Rewriter.Images.Elf;
using Rewriter.Patching;

namespace Rewriter.Rewritten;

/// <summary>Builds the tail of a rewritten ELF32 file.</summary>
static class ElfAttachment
{
    public const int HeaderSize = 52;
    const int SectionSize = 40;
    const uint ProgramBits = 1;
    const uint StringTable = 3;
    const uint AllocatedCode = 2 | 4;
    const uint LargestGap = 1024;
    const byte Filler = 0xCC; // INT3 between trampolines

    /// <summary>Appends sections and manifest to <paramref name="file"/> and returns the manifest's offset.</summary>
    public static long Append(MemoryStream file, KernelImage image, PatchPlan plan, byte[] packedManifest)
    {
        ElfHeader header = ElfHeader.Read(new ByteView(image.File));
        List<ElfSection> sections = ElfSection.ReadAll(new ByteView(image.File), header);
        var shims = new List<(uint Address, long Offset, int Size)>();
        foreach ((uint address, byte[] bytes) in Trampolines(plan))
        {
            shims.Add((address, Align(file, 16), bytes.Length));
            file.Write(bytes);
        }

        long manifest = Align(file, 16);
        file.Write(packedManifest);

        var names = new MemoryStream();
        bool hasNames = header.SectionNames > 0 && header.SectionNames < sections.Count;
        names.Write(hasNames ? sections[header.SectionNames].Bytes(new ByteView(image.File)).Bytes.Span : [0]);
        uint shimName = AddName(names, ".monitor.shims");
        uint manifestName = AddName(names, ".monitor.manifest");
        uint namesName = AddName(names, ".shstrtab");
        long namesOffset = Align(file, 4);
        names.WriteTo(file);

        var table = new List<byte[]>();
        for (int i = 0; i < Math.Max(1, sections.Count); i++)
        {
            table.Add(i < sections.Count ? image.File.Slice((int)sections[i].HeaderOffset, SectionSize).ToArray() : new byte[SectionSize]);
        }

        table.AddRange(shims.Select(s => Section(shimName, ProgramBits, AllocatedCode, s.Address, s.Offset, s.Size)));
        table.Add(Section(manifestName, ProgramBits, 0, 0, manifest, packedManifest.Length));
        table.Add(Section(namesName, StringTable, 0, 0, namesOffset, names.Length));
        long tableOffset = Align(file, 4);
        table.ForEach(entry => file.Write(entry));
        WriteHeader(file, tableOffset, table.Count);
        return manifest;
    }

    /// <summary>e_shoff, e_shentsize, e_shnum and e_shstrndx (gABI figure 4-3).</summary>
    static void WriteHeader(MemoryStream file, long tableOffset, int count)
    {
        Span<byte> header = file.GetBuffer().AsSpan(0, HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(header[32..], (uint)tableOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(header[46..], SectionSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[48..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(header[50..], (ushort)(count - 1));
    }

    /// <summary>All trampolines, those that lie near each other in one piece: guards on jumps spread them over the window.</summary>
    static IEnumerable<(uint Address, byte[] Bytes)> Trampolines(PatchPlan plan)
    {
        List<Patch> patches = [.. plan.Patches.Where(p => p.Trampoline.Length != 0).OrderBy(p => p.TrampolineAddress)];
        for (int first = 0; first < patches.Count;)
        {
            int next = first + 1;
            while (next < patches.Count && patches[next].TrampolineAddress - EndOf(patches[next - 1]) < LargestGap)
            {
                next++;
            }

            uint start = patches[first].TrampolineAddress;
            var bytes = new byte[EndOf(patches[next - 1]) - start];
            Array.Fill(bytes, Filler);
            foreach (Patch patch in patches[first..next])
            {
                patch.Trampoline.Span.CopyTo(bytes.AsSpan((int)(patch.TrampolineAddress - start)));
            }

            yield return (start, bytes);
            first = next;
        }
    }

    static uint EndOf(Patch patch) => patch.TrampolineAddress + (uint)patch.Trampoline.Length;

    static byte[] Section(uint name, uint type, uint flags, uint address, long offset, long size)
    {
        var section = new byte[SectionSize];
        uint[] fields = [name, type, flags, address, (uint)offset, (uint)size, 0, 0, 1, 0];
        Buffer.BlockCopy(fields, 0, section, 0, SectionSize);
        return section;
    }

    static uint AddName(MemoryStream names, string name)
    {
        uint offset = (uint)names.Length;
        names.Write([.. name.Select(c => (byte)c), 0]);
        return offset;
    }

    static long Align(MemoryStream file, int alignment)
    {
        while (file.Length % alignment != 0)
        {
            file.WriteByte(0);
        }

        return file.Length;
    }
}
