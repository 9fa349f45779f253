using System.Buffers.Binary;
using Runtime.Commands;
using Runtime.Network;
using Runtime.Network.User;
using Tests.Devices;
using Xunit;

namespace Tests.Network;

public sealed class PcapAndOptionTests
{
    [Fact]
    public void CapturesHoldWhatWasForwarded()
    {
        using var file = new MemoryStream();
        var clock = new FakeClock();
        using (var pcap = new PcapWriter(file, clock))
        {
            pcap.Write(TestStation.Frame(MacAddress.Broadcast, MacAddress.ForGuest(1), 60, fill: 1));
            clock.Now += 1_500_000_000;
            pcap.Write(TestStation.Frame(MacAddress.Broadcast, MacAddress.ForGuest(1), 100, fill: 2));
        }

        byte[] bytes = file.ToArray();
        Assert.Equal(24 + 16 + 60 + 16 + 100, bytes.Length);
        Assert.Equal(0xA1B2_3C4D, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        Assert.Equal(1, bytes[20]);
        Assert.Equal(60, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(24 + 8)));
        Assert.Equal(100, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(100 + 12)));
        long first = Time(bytes.AsSpan(24)), second = Time(bytes.AsSpan(100));
        Assert.Equal(1_500_000_000, second - first);
        Assert.Equal(2, bytes[^1]);
    }

    [Theory]
    [InlineData("tcp:127.0.0.1:2222-:22", "tcp:127.0.0.1:2222-:22")]
    [InlineData("tcp::8080-10.0.2.16:80", "tcp:127.0.0.1:8080-10.0.2.16:80")]
    [InlineData("udp:0.0.0.0:69-:69", "udp:0.0.0.0:69-:69")]
    [InlineData("tcp:22", null)]
    [InlineData("sctp::22-:22", null)]
    [InlineData("tcp::22-:0", null)]
    [InlineData("tcp::70000-:22", null)]
    [InlineData("tcp:host:22-:22", null)]
    [InlineData("tcp::22-:22-:22", null)]
    [InlineData("", null)]
    public void ForwardsAreParsed(string text, string? expected)
        => Assert.Equal(expected, PortForward.TryParse(text, out PortForward? forward) ? forward!.ToString() : null);

    [Theory]
    [InlineData("wire", "", null, "--net wire")]
    [InlineData("none", "tcp::1-:1", null, "--forward: only with --net user")]
    [InlineData("none", "", "x.pcap", "--pcap: there is no network")]
    [InlineData("user", "tcp:22", null, "--forward tcp:22")]
    [InlineData("user", "tcp:192.0.2.1:1-:1", null, "--forward tcp:192.0.2.1:1-:1")]
    [InlineData("user", "", "no/such/folder/x.pcap", "--pcap no/such/folder/x.pcap: no such file")]
    [InlineData("tap:no-such-interface-here", "", null, "--net tap:")]
    public void WhatCannotBeHadIsSaidInOneLine(string net, string forward, string? pcap, string complaint)
    {
        var options = new NetworkOptions(net, forward.Length == 0 ? [] : [forward], pcap);
        UsageException refused = Assert.Throws<UsageException>(() => options.Open(new FakeClock()));
        Assert.StartsWith(complaint, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    private static long Time(Span<byte> record)
        => BinaryPrimitives.ReadUInt32LittleEndian(record) * 1_000_000_000L + BinaryPrimitives.ReadUInt32LittleEndian(record[4..]);
}
