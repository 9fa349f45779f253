// A kernel that knows nothing of Xen gets ring drivers from a shim pack, and keeps its own where there is no Xen.
using Rewriter;
using Rewriter.Images;
using Rewriter.Shims;
using Runtime.Abi;
using Runtime.Reporting;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class RingPackTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ring-pack-");
    private readonly string _image, _disk;

    public RingPackTests()
    {
        _image = Path.Combine(_folder.FullName, "rings.elf");
        _disk = Path.Combine(_folder.FullName, "disk.img");
        var pack = ShimPack.Read(Path.Combine(Repository.Root, "samples", "ukernel-rings"));
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load(Repository.Kernel("ukernel")), ExecutionMode.Para, wishes: new RewriteWishes(Pack: pack));
        File.WriteAllBytes(_image, rewriting.File);
        using FileStream file = File.Create(_disk);
        file.SetLength(8 << 20);
    }

    /// <summary>What goes to the disk by the ring is there for IDE, and the other way round.</summary>
    [Theory]
    [InlineData("direct")]
    [InlineData("interpreter")]
    public void TheSameKernelUsesRingsAndIde(string engine)
    {
        Assert.Contains("new file system made", Run(_image, "only=disk-persistence", engine, "xen").Serial, StringComparison.Ordinal);
        Assert.Contains("mounted 2 times", Run(Repository.Kernel("ukernel"), "only=disk-persistence", engine, "pc").Serial, StringComparison.Ordinal);
        (string onRings, long ringExits) = Run(_image, "diskbench", engine, "xen");
        Assert.Contains("mounted 3 times", onRings, StringComparison.Ordinal);
        (string onIde, long ideExits) = Run(_image, "diskbench", engine, "pc");
        Assert.Contains("mounted 4 times", onIde, StringComparison.Ordinal);
        Assert.True(ringExits * 10 < ideExits, $"{ringExits} port accesses and hypercalls with rings, {ideExits} with IDE");
    }

    /// <summary>INSW with a count is begun by the image's own shim and carried on by the engine, with no hypercall for each word.</summary>
    [Fact]
    public void ARepeatedTransferIsOneHypercall()
    {
        IReadOnlyList<ExitStatistic> exits = Exits(_image, "diskbench", "direct", "pc").Exits;
        long hypercalls = Count("hypercall"), accesses = Count("port-read") + Count("port-write");
        Assert.True(hypercalls * 10 < accesses, $"{hypercalls} hypercalls for {accesses} port accesses");

        long Count(string reason) => exits.Where(exit => exit.Reason == reason).Sum(exit => exit.Count);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private (string Serial, long Exits) Run(string image, string append, string engine, string platform)
    {
        (string serial, IReadOnlyList<ExitStatistic> exits) = Exits(image, append, engine, platform);
        // A port access is a hypercall once the image's own C# shims perform it.
        return (serial, exits.Where(exit => exit.Reason.StartsWith("port-", StringComparison.Ordinal) || exit.Reason == "hypercall").Sum(exit => exit.Count));
    }

    private (string Serial, IReadOnlyList<ExitStatistic> Exits) Exits(string image, string append, string engine, string platform)
    {
        string stats = Path.Combine(_folder.FullName, "stats.json");
        KernelRun run = KernelRun.InRuntime(new KernelSetup(image, append, _disk, platform, Stats: stats), engine, "para");
        Assert.True(run.Status == KernelRun.AllRight, run.Serial + run.Errors);
        return (run.Serial, RunStatistics.Parse(File.ReadAllText(stats))!.Exits);
    }
}
