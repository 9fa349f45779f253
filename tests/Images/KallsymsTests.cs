using System.Text;
using Rewriter.Images;
using Xunit;

namespace Tests.Images;

/// <summary>Symbol tables built as scripts/kallsyms.c builds them, in the layouts of several kernel versions.</summary>
public sealed class KallsymsTests
{
    const int Count = 600;
    const uint Base = 0x100000;

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    [InlineData(3, true)]
    public void FindsTheTablesByTheirStructure(int sequenceBytes, bool isAddressesLast)
    {
        var table = new MemoryStream();
        var writer = new BinaryWriter(table);
        writer.Write(new byte[64]);
        if (!isAddressesLast)
        {
            WriteAddresses(writer);
        }

        WriteNames(writer, sequenceBytes);
        if (isAddressesLast)
        {
            WriteAddresses(writer);
        }

        writer.Write(new byte[8192]);
        KernelImage image = KernelImage.Load("bz", ImageBuilder.BzImage(WithRodata(table.ToArray()), [], bytes => bytes));
        Assert.Equal(Count, image.Symbols.Count);
        Assert.Equal(new ImageSymbol("f0", Base, 0, true), image.Symbols[0]);
        Assert.Equal(new ImageSymbol("f599", Base + 32, 0, true), image.Symbols[599]);
    }

    static void WriteAddresses(BinaryWriter writer)
    {
        for (uint i = 0; i < Count; i++)
        {
            writer.Write(Math.Min(i, 32)); // sorted, all inside the 64 bytes of .text
        }

        writer.Write(Base);
    }

    static void WriteNames(BinaryWriter writer, int sequenceBytes)
    {
        writer.Write(Count);
        var markers = new List<uint>();
        uint offset = 0;
        for (int i = 0; i < Count; i++)
        {
            if (i % 256 == 0)
            {
                markers.Add(offset);
            }

            byte[] name = Encoding.ASCII.GetBytes($"Tf{i}");
            writer.Write((byte)name.Length);
            writer.Write(name);
            offset += 1 + (uint)name.Length;
        }

        Align(writer);
        markers.ForEach(writer.Write);
        writer.Write(new byte[sequenceBytes * Count]);
        Align(writer);
        long start = writer.BaseStream.Length;
        var index = new List<ushort>();
        for (int token = 0; token < 256; token++)
        {
            index.Add((ushort)(writer.BaseStream.Length - start));
            writer.Write([.. token == 0 ? Array.Empty<byte>() : [(byte)token], 0]);
        }

        Align(writer);
        index.ForEach(writer.Write);
    }

    static void Align(BinaryWriter writer)
    {
        while (writer.BaseStream.Length % 4 != 0)
        {
            writer.Write((byte)0);
        }
    }

    /// <summary>The fixture with its .rodata, and the segment that loads it, moved to the end and replaced.</summary>
    static byte[] WithRodata(byte[] rodata)
    {
        byte[] tiny = Fixture.Bytes("tiny-stripped.elf");
        byte[] file = new byte[0x3000 + rodata.Length];
        tiny.CopyTo(file, 0);
        rodata.CopyTo(file, 0x3000);
        // The second segment held .bss.
        int segment = 52 + 32;
        uint[] header = [1, 0x3000, 0x200000, 0x200000, (uint)rodata.Length, (uint)rodata.Length, 4, 4096];
        for (int i = 0; i < header.Length; i++)
        {
            ImageBuilder.Word(file, segment + (4 * i), header[i]);
        }

        return file;
    }
}
