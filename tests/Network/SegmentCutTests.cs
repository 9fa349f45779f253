using System.Buffers.Binary;
using Runtime.Network;
using Xunit;

namespace Tests.Network;

public sealed class SegmentCutTests
{
    private const int Headers = 14 + 20 + 32;

    [Theory]
    [InlineData(1, 1460)]
    [InlineData(1448, 1448)]
    [InlineData(1449, 1448)]
    [InlineData(40_000, 1448)]
    [InlineData(3000, 500)]
    public void SegmentsPutTogetherAreTheData(int length, int segment)
    {
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);
        byte[] whole = [.. Header(length), .. data];
        var frame = new EthernetFrame([whole.AsMemory(0, 20), whole.AsMemory(20, 100 > whole.Length - 20 ? whole.Length - 20 : 100), whole.AsMemory(Math.Min(120, whole.Length))]) { SegmentSize = segment };
        var cut = SegmentCut.Of(frame);
        byte[] buffer = new byte[EthernetFrame.LongestOnWire];
        var got = new List<byte>();
        for (int i = 0; i < cut.Count; i++)
        {
            int written = cut.Write(i, buffer);
            Span<byte> ip = buffer.AsSpan(14, written - 14);
            Assert.InRange(written, Headers + 1, EthernetFrame.LongestOnWire);
            Assert.Equal(ip.Length, BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
            Assert.Equal(cut.Count == 1 ? 7 : 7 + i, BinaryPrimitives.ReadUInt16BigEndian(ip[4..]));
            Assert.Equal(1000u + (uint)got.Count, BinaryPrimitives.ReadUInt32BigEndian(ip[24..]));
            Assert.Equal(i == cut.Count - 1 ? 0x19 : 0x10, ip[33]); // FIN and PSH on the last
            Assert.Equal(cut.Count > 1 ? 0u : 0, cut.Count > 1 ? (uint)InternetChecksum.Finish(InternetChecksum.Sum(ip[..20])) : 0);
            got.AddRange(buffer[Headers..written]);
        }

        Assert.Equal(data, got);
    }

    [Fact]
    public void LongFramesThatCannotBeCutGoNowhere()
    {
        Assert.Equal(0, SegmentCut.Of(new EthernetFrame(new byte[2000])).Count);
        Assert.Equal(0, SegmentCut.Of(new EthernetFrame(new byte[2000]) { SegmentSize = 1000 }).Count);
        Assert.Equal(1, SegmentCut.Of(new EthernetFrame(new byte[1000]) { SegmentSize = 100 }).Count);
    }

    /// <summary>A frame that wants tens of thousands of segments is one's own fault.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(7, 0)]
    [InlineData(8, 7500)]
    public void SegmentsHaveALeastLength(int segment, int count)
    {
        byte[] whole = [.. Header(60_000), .. new byte[60_000]];
        Assert.Equal(count, SegmentCut.Of(new EthernetFrame([whole]) { SegmentSize = segment }).Count);
    }

    /// <summary>Headers of a hostile guest: whatever they say, the buffer's bounds hold.</summary>
    [Fact]
    public void NoHeaderLeadsOutside()
    {
        var random = new Random(5);
        byte[] buffer = new byte[EthernetFrame.LongestOnWire];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. Header(random.Next(3000)), .. new byte[random.Next(5000)]];
            for (int k = random.Next(6); k > 0; k--)
            {
                bytes[random.Next(Math.Min(70, bytes.Length))] = (byte)random.Next(256);
            }

            var cut = SegmentCut.Of(new EthernetFrame(bytes) { SegmentSize = random.Next(1, 70_000) });
            for (int s = 0; s < cut.Count; s++)
            {
                InternetChecksum.CompleteTransport(buffer.AsSpan(0, cut.Write(s, buffer)));
            }
        }
    }

    [Fact]
    public void ChecksumsAreThoseOfRfc1071()
    {
        // The example of RFC 1071, section 3.
        Assert.Equal(0xDDF2u, InternetChecksum.Sum([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]));
        byte[] bytes = new byte[1501];
        new Random(1).NextBytes(bytes);
        uint plain = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            plain += (uint)bytes[i] << (i % 2 == 0 ? 8 : 0);
            plain = (plain & 0xFFFF) + (plain >> 16);
        }

        Assert.Equal(plain, InternetChecksum.Sum(bytes));
        Assert.Equal(plain, InternetChecksum.Sum(bytes.AsSpan(600), InternetChecksum.Sum(bytes.AsSpan(0, 600))));
    }

    [Fact]
    public void TransportChecksumsVerify()
    {
        byte[] frame = [.. Header(333), .. new byte[333]];
        new Random(3).NextBytes(frame.AsSpan(Headers));
        InternetChecksum.CompleteTransport(frame);
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(frame.AsSpan(34), InternetChecksum.PseudoHeader(frame.AsSpan(14), frame.Length - 34))));
    }

    /// <summary>IPv4 and TCP with twelve bytes of options, FIN, PSH and ACK.</summary>
    private static byte[] Header(int length)
    {
        byte[] header = new byte[Headers];
        header[12] = 0x08;
        Span<byte> ip = header.AsSpan(14);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(Headers - 14 + length));
        ip[5] = 7;
        ip[8] = 64;
        ip[9] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(ip[24..], 1000);
        ip[32] = 0x80;
        ip[33] = 0x19;
        return header;
    }
}
