using Rewriter;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Paravirt;
using Tests.Boot;
using Xunit;

namespace Tests.Rewritten;

/// <summary>Functions of a guest run as the C# of a shim pack.</summary>
public sealed class ShimPackRunTests
{
    static readonly TimeSpan _limit = TimeSpan.FromSeconds(90);
    static readonly Lazy<Rewriting> _sample = new(() => Rewritten(ShimPack.Read(Path.Combine(Repository.Root, "samples", "ukernel-shims")).Files));

    public static TheoryData<EngineKind> Engines => RewrittenRunTests.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void UkernelPassesItsTestsOnTheSamplePack(EngineKind engine)
    {
        (Outcome outcome, string serial, ExitCounters counters) = Run(_sample.Value, engine);
        Assert.Null(ExpectedOutput.Read("ukernel", "expected.txt").FirstDifference(serial));
        Assert.Equal(33, outcome.ExitStatus);

        // The original asks for the line status and writes, two exits a byte; the exits counted here are what is left of them.
        (_, string plainSerial, ExitCounters plain) = RewrittenKernel.Run("ukernel.elf", engine, RewrittenKernel.Of("ukernel.elf").Plan, [], _limit);
        Assert.True(plain.Open("PortWrite").Count > plainSerial.Length / 2);
        Assert.True(counters.Open("PortWrite").Count < plain.Open("PortWrite").Count / 2, $"{counters.Open("PortWrite").Count} port writes");
    }

    [Fact]
    public void TheFunctionsAreSitesOfThePlan()
    {
        PlannedSite[] replaced = [.. _sample.Value.Plan.Sites.Where(s => s.Site.Class == SensitivityClass.Replaced)];
        Assert.Equal(
            ["console_write pack void UkernelShims.ConsoleShims.Write", "memset pack bool UkernelShims.StringShims.Set",
                "string_length pack uint UkernelShims.StringShims.Length"],
            replaced.Select(s => $"{s.Site.Symbol} {s.Shim}").Order());
        Assert.All(replaced, s => Assert.NotEqual(PatchTactic.Leave, s.Tactic));
        Assert.True(RewrittenImage.TryOpen("x", _sample.Value.File, out _, out PatchPlan plan, out Manifest manifest));
        Assert.Equal(replaced.Select(s => (s.Index, s.Shim)), plan.Sites.Where(s => s.Site.Class == SensitivityClass.Replaced).Select(s => (s.Index, s.Shim)));
        Assert.Equal(["ConsoleShims.cs", "StringShims.cs"], manifest.Pack!.Select(f => f.Path));
    }

    /// <summary>Whatever a pack does, the guest is ended and the monitor goes on.</summary>
    [Theory]
    [InlineData("while (true) { }", "does not come to an end")]
    [InlineData("for (;;) ;", "does not come to an end")]
    [InlineData("do vcpu.Eax++; while (true);", "does not come to an end")]
    [InlineData("A(vcpu);", "does not come to an end")]
    [InlineData("vcpu.Eax = 1u / (vcpu.Esp - vcpu.Esp);", "its shim failed")]
    public void APackThatGoesWrongEndsItsGuestAlone(string statement, string why)
    {
        // Sixty methods that each call the next twice: no loop, no recursion, no end.
        string chain = string.Concat(Enumerable.Range(0, 60).Select(i => $"static void {Name(i)}(IShimContext v) {{ {Name(i + 1)}(v); {Name(i + 1)}(v); }}\n"));
        Rewriting rewriting = Rewritten([new ShimFile("p.cs", $$"""
            using Runtime.Abi.Shims;
            namespace N;
            public static class P
            {
                [ReplacesFunction("console_write")]
                public static void W(IShimContext vcpu) { {{statement}} }
                {{chain}}
                static void {{Name(60)}}(IShimContext v) { }
            }
            """, true)]);
        (Outcome outcome, _, _) = Run(rewriting, EngineKind.Interpreter);
        Assert.Equal(4, outcome.ExitStatus);
        Assert.Contains(why, outcome.Line, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImageWhosePackCannotBeUsedIsRefused()
    {
        Manifest manifest = _sample.Value.Manifest;
        Assert.Contains("does not compile to", Load(manifest with { Pack = [manifest.Pack![0] with { Text = manifest.Pack[0].Text + " " }, manifest.Pack[1]] }));
        Assert.Contains("Environment", Load(manifest with
        {
            Pack = [manifest.Pack[0] with { Text = manifest.Pack[0].Text.Replace("Touch(vcpu, text, length);", "System.Environment.Exit(1);", StringComparison.Ordinal) }, manifest.Pack[1]],
        }));

        static string Load(Manifest manifest)
        {
            using var library = new ShimLibrary();
            ShimLoad load = library.Load(_sample.Value.Plan, manifest);
            Assert.True(load.IsMalformed);
            Assert.Empty(load.Functions);
            return load.Refusal!;
        }
    }

    static string Name(int index) => index == 0 ? "A" : $"A{index}";

    static Rewriting Rewritten(IReadOnlyList<ShimFile> files) =>
        RewritePipeline.Rewrite(RewrittenKernel.Image("ukernel.elf"), ExecutionMode.Para, wishes: new RewriteWishes(Pack: new ShimPack(files)));

    static (Outcome Outcome, string Serial, ExitCounters Counters) Run(Rewriting rewriting, EngineKind engine)
    {
        using var library = new ShimLibrary();
        ShimLoad load = library.Load(rewriting.Plan, rewriting.Manifest);
        Assert.Null(load.Refusal);
        return RewrittenKernel.Run("ukernel.elf", engine, rewriting.Plan, load.Shims, _limit, load.Functions);
    }
}
