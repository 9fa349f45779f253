using Runtime.Hosting;
using Tests.Boot;
using Xunit;

namespace Tests.Hosting;

public sealed class GuestsFileTests
{
    private static readonly string Kernel = Path.Combine(Repository.Root, "guest-kernels/bin/unruly.elf");

    public static TheoryData<string, string> BadFiles()
    {
        var cases = new TheoryData<string, string>();
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Hosting/Cases/bad-guests.txt"));
        foreach (string part in text.Split("\n=== ").Skip(1))
        {
            int end = part.IndexOf('\n');
            cases.Add(part[..end], part[(end + 1)..]);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void WhatIsWrongIsSaidWithItsLine(string expected, string file)
    {
        var exception = Assert.Throws<DescriptionException>(() => GuestsFile.Parse("guests.yaml", file.Replace("KERNEL", Kernel)));
        int blank = expected.IndexOf(' ');
        Assert.StartsWith($"guests.yaml:{expected[..blank]}: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(expected[(blank + 1)..], exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void EverythingThatCanBeSaidIsRead()
    {
        HostDescription host = GuestsFile.Parse("guests.yaml", $"""
            host: {"{"} cpus: 1, scheduler: fair, quantum: 5ms, memory: 512M, net: user, forward: ["tcp:127.0.0.1:0-:22"], pcap: all.pcap {"}"}
            guests:
              - name: one
                kernel: {Kernel}
                append: hog and more
                memory: 16M
                weight: 300
                cap: 40%
                mode: full
                engine: interpreter
                net: switch
              - name: two
                kernel: {Kernel}
            """);
        Assert.Equal((1, true, 5_000_000, 512ul << 20), (host.Processors, host.EqualShares, host.Quantum, host.MemoryBytes));
        GuestDescription one = host.Guests[0], two = host.Guests[1];
        Assert.Equal(("one", "hog and more", 16ul << 20, 300, 0.4), (one.Name, one.Append, one.MemoryBytes, one.Weight, one.Cap));
        Assert.Equal((Runtime.Abi.ExecutionMode.Full, Runtime.EngineKind.Interpreter), (one.Mode, one.Engine));
        Assert.Equal((64ul << 20, 100, 1.0), (two.MemoryBytes, two.Weight, two.Cap));
        Assert.Equal((true, false), (one.IsOnNetwork, two.IsOnNetwork));
        Assert.Equal(("user", Path.Combine(".", "all.pcap")), (host.Network.Kind, host.Network.Capture));
        Assert.Equal(["tcp:127.0.0.1:0-:22"], host.Network.Forwards);
    }

    [Theory]
    [InlineData("/dev/zero", ":1: longer than 256 KiB")]
    [InlineData("/nowhere/guests.yaml", ":1: no such file")]
    [InlineData("/tmp", ":1: a directory")]
    public void WhatIsNoFileIsRefused(string path, string expected)
        => Assert.StartsWith(path + expected, Assert.Throws<DescriptionException>(() => GuestsFile.Read(path)).Message, StringComparison.Ordinal);

    /// <summary>What is found out only by opening files stops everything as well.</summary>
    [Fact]
    public void KernelThatIsNoneKeepsAllGuestsFromStarting()
    {
        string text = $"guests:\n  - name: a\n    kernel: {Kernel}\n  - name: b\n    kernel: {typeof(GuestsFileTests).Assembly.Location}\n";
        var exception = Assert.Throws<DescriptionException>(() => PreparedGuest.Prepare(GuestsFile.Parse("guests.yaml", text)));
        Assert.StartsWith("guests.yaml:4: guest b: ", exception.Message, StringComparison.Ordinal);
    }
}
