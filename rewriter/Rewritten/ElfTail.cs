// The end of every rewritten ELF file: the manifest, section names, and a section header table that names what was added.
using System.Buffers.Binary;
using Rewriter.Images;
using Rewriter.Images.Elf;

namespace Rewriter.Rewritten;

/// <summary>Appends to an ELF32 file whose original bytes are already in the stream; three fields of its header change.</summary>
/// <param name="file">Begins with the original file.</param>
sealed class ElfTail(MemoryStream file, KernelImage image)
{
    public const int SectionSize = 40;
    const uint ProgramBits = 1;
    const uint StringTable = 3;

    readonly ElfHeader _header = ElfHeader.Read(new ByteView(image.File));
    readonly List<(string Name, uint Flags, uint Address, long Offset, int Size)> _added = [];
    readonly Dictionary<int, (long Offset, int Size)> _replaced = [];

    /// <summary>Appends a section.</summary>
    public void Add(string name, uint flags, uint address, byte[] bytes, int alignment)
    {
        _added.Add((name, flags, address, Align(alignment), bytes.Length));
        file.Write(bytes);
    }

    /// <summary>Appends other contents for a section of the original.</summary>
    public void Replace(int section, byte[] bytes)
    {
        _replaced.Add(section, (Align(16), bytes.Length));
        file.Write(bytes);
    }

    /// <summary>Appends manifest, names and table; returns the manifest's offset.</summary>
    public long Finish(byte[] packedManifest)
    {
        Add(".monitor.manifest", 0, 0, packedManifest, 16);
        long manifest = _added[^1].Offset;
        List<ElfSection> sections = ElfSection.ReadAll(new ByteView(image.File), _header);
        var names = new MemoryStream();
        bool hasNames = _header.SectionNames > 0 && _header.SectionNames < sections.Count;
        names.Write(hasNames ? sections[_header.SectionNames].Bytes(new ByteView(image.File)).Bytes.Span : [0]);
        var known = new Dictionary<string, uint>();
        var table = new List<byte[]>();
        for (int i = 0; i < Math.Max(1, sections.Count); i++)
        {
            table.Add(i < sections.Count ? Original(sections[i], i) : new byte[SectionSize]);
        }

        table.AddRange(_added.Select(s => Section(Name(s.Name), ProgramBits, s.Flags, s.Address, s.Offset, s.Size)));
        uint namesName = Name(".shstrtab");
        long namesOffset = Align(4);
        names.WriteTo(file);
        table.Add(Section(namesName, StringTable, 0, 0, namesOffset, names.Length));
        long tableOffset = Align(4);
        table.ForEach(entry => file.Write(entry));
        WriteHeader(tableOffset, table.Count);
        return manifest;

        uint Name(string name)
        {
            if (!known.TryGetValue(name, out uint offset))
            {
                known.Add(name, offset = (uint)names.Length);
                names.Write([.. name.Select(c => (byte)c), 0]);
            }

            return offset;
        }
    }

    /// <summary>The original header, with another place and size where the contents are replaced.</summary>
    byte[] Original(in ElfSection section, int index)
    {
        byte[] bytes = image.File.Slice((int)section.HeaderOffset, SectionSize).ToArray();
        if (_replaced.TryGetValue(index, out (long Offset, int Size) now))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), (uint)now.Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), (uint)now.Size);
        }

        return bytes;
    }

    /// <summary>e_shoff, e_shentsize, e_shnum and e_shstrndx (gABI figure 4-3).</summary>
    void WriteHeader(long tableOffset, int count)
    {
        Span<byte> header = file.GetBuffer().AsSpan(0, ElfAttachment.HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(header[32..], (uint)tableOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(header[46..], SectionSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[48..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(header[50..], (ushort)(count - 1));
    }

    static byte[] Section(uint name, uint type, uint flags, uint address, long offset, long size)
    {
        var section = new byte[SectionSize];
        uint[] fields = [name, type, flags, address, (uint)offset, (uint)size, 0, 0, 1, 0];
        Buffer.BlockCopy(fields, 0, section, 0, SectionSize);
        return section;
    }

    long Align(int alignment)
    {
        while (file.Length % alignment != 0)
        {
            file.WriteByte(0);
        }

        return file.Length;
    }
}
