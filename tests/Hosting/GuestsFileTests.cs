using Runtime.Hosting;
using Tests.Boot;
using Xunit;

namespace Tests.Hosting;

public sealed class GuestsFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("guests-");

    public void Dispose() => _folder.Delete(recursive: true);

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
    [Theory]
    [InlineData("kernel: /dev/zero", "kernel /dev/zero: larger than 512 MiB")]
    [InlineData("kernel: /dev/null", "kernel /dev/null: the file is empty")]
    [InlineData("kernel: /etc/passwd", "kernel /etc/passwd: not a kernel image")]
    [InlineData("kernel: KERNEL\n    disks: [/dev/null]", "disk /dev/null: empty: a disk has a sector at least")]
    [InlineData("kernel: KERNEL\n    disks: [DISK]", "disk DISK: another guest or program writes it")]
    [InlineData("kernel: KERNEL\n    disks: ['DISK,readonly']", "disk DISK: another guest or program writes it")]
    [InlineData("kernel: KERNEL\n    log: /tmp", "log /tmp: a directory")]
    [InlineData("kernel: KERNEL\n    log: /nowhere/log", "log /nowhere/log: no such file or directory")]
    [InlineData("kernel: KERNEL\n    memory: 16M\n    initrd: [BIG]", "too little memory: ")]
    public void WhatCannotBeOpenedKeepsAllGuestsFromStarting(string lines, string expected)
    {
        string disk = Path.Combine(_folder.FullName, "disk"), big = Path.Combine(_folder.FullName, "big");
        File.WriteAllBytes(disk, new byte[512]);
        using (FileStream file = File.Create(big))
        {
            file.SetLength(62 << 20);
        }

        string Fill(string text) => text.Replace("KERNEL", Kernel).Replace("DISK", disk).Replace("BIG", big);
        string text = Fill($"guests:\n  - name: a\n    kernel: KERNEL\n    disks: [DISK]\n  - name: b\n    {lines}\n");
        var exception = Assert.Throws<DescriptionException>(() => PreparedGuest.Prepare(GuestsFile.Parse("guests.yaml", text)));
        Assert.StartsWith("guests.yaml:5: guest b: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(Fill(expected), exception.Message, StringComparison.Ordinal);

        // And nothing of the others is held on to.
        File.Open(disk, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
    }
}
