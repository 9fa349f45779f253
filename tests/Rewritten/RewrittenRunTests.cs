using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Shims;
using Runtime;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Patched;
using Runtime.Paravirt;
using Xunit;

namespace Tests.Rewritten;

/// <summary>Rewritten images run with their own patches and shims, and a doctored one harms nobody but its guest.</summary>
public sealed class RewrittenRunTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static TheoryData<EngineKind> Engines => OperatingSystem.IsLinux() ? [EngineKind.Interpreter, EngineKind.Auto] : [EngineKind.Interpreter];

    [Theory]
    [MemberData(nameof(Engines))]
    public void QuirksRunsOnItsOwnPatchesAndShims(EngineKind engine)
    {
        var rewriting = RewrittenKernel.Of("quirks.elf");
        using var library = new ShimLibrary();
        ShimLoad load = library.Load(rewriting.Plan, rewriting.Manifest);
        Assert.Null(load.Refusal);
        (Outcome outcome, string serial, ExitCounters counters) = RewrittenKernel.Run("quirks.elf", engine, rewriting.Plan, load.Shims, Limit);
        Assert.Equal("", string.Join('\n', serial.Split('\n').Where(line => line.Contains("WRONG", StringComparison.Ordinal))));
        Assert.Contains("453 checks, 0 wrong", serial);
        Assert.Equal(33, outcome.ExitStatus);
        Assert.True(counters.Open("Hypercall").Count > 0);

        // Its ports are reached by shims, not by exits of their own: OUT without a shim would make each byte of output two exits.
        Assert.True(counters.Open("PortWrite").Count < serial.Length / 2, $"{counters.Open("PortWrite").Count} exits for {serial.Length} bytes");
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void WithoutShimsTheInterpreterPerforms(EngineKind engine)
    {
        var rewriting = RewrittenKernel.Of("quirks.elf");
        (_, string serial, _) = RewrittenKernel.Run("quirks.elf", engine, rewriting.Plan, [], Limit);
        Assert.Contains("453 checks, 0 wrong", serial);
    }

    /// <summary>Trampolines of random bytes, or of bytes that jump astray: the guest may die, and nothing else.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void DoctoredTrampolinesHarmOnlyTheGuest(EngineKind engine)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            var random = new Random(seed);
            PatchPlan plan = RewrittenKernel.Of("quirks.elf").Plan;
            Patch[] patches = [.. plan.Patches.Select(patch => random.Next(4) == 0 ? Doctored(patch, random) : patch)];
            (Outcome outcome, _, _) = RewrittenKernel.Run("quirks.elf", engine, plan with { Patches = patches }, [], TimeSpan.FromMilliseconds(500));
            Assert.True(outcome.ExitStatus is 0 or 4 or 124 || outcome.ExitStatus % 2 == 1, outcome.ToString());
        }
    }

    [Theory]
    [InlineData(0x0040_0000u, false)]
    [InlineData(0xFFC0_0000u, false)]
    [InlineData(0xF000_0000u, true)]
    public void APlanIsUsedOnlyWhereItsWindowMayBe(uint windowBase, bool isUsed)
    {
        PatchPlan plan = RewrittenKernel.Of("quirks.elf").Plan with { WindowBase = windowBase };
        Assert.Equal(isUsed, ImagePlan.For(plan, ExecutionMode.Para, 128 << 20) is not null);
        Assert.Null(ImagePlan.For(plan, ExecutionMode.Full, 128 << 20));
    }

    [Fact]
    public void ShimsThatAreNotThoseOfThePlanAreRefused()
    {
        var rewriting = RewrittenKernel.Of("quirks.elf");
        Assert.Contains("does not compile to", Refusal(rewriting.Manifest with { AssemblyDigest = new string('0', 64) }).Refusal);
        Assert.Contains("not those that the plan calls for", Refusal(Recompiled(rewriting.Manifest, "=> vcpu.Halt();", "=> vcpu.Emulate();")).Refusal);
        ShimLoad forbidden = Refusal(Recompiled(rewriting.Manifest, "=> vcpu.Halt();", "=> System.Environment.Exit(1);"));
        Assert.Contains("Environment", forbidden.Refusal);
        Assert.False(forbidden.IsMalformed);
        ShimLoad malformed = Refusal(Recompiled(rewriting.Manifest, "public static class Sites", "public static class"));
        Assert.True(malformed.IsMalformed);
    }

    private static Manifest Recompiled(Manifest manifest, string from, string to)
    {
        string source = manifest.Source.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(manifest.Source, source);
        ShimAssembly compiled = Rewriter.RewritePipeline.CompileShims(source, []);
        return manifest with { Source = source, AssemblyDigest = compiled.Sha256 };
    }

    private static ShimLoad Refusal(Manifest manifest)
    {
        using var library = new ShimLibrary();
        ShimLoad load = library.Load(RewrittenKernel.Of("quirks.elf").Plan, manifest);
        Assert.NotNull(load.Refusal);
        Assert.Empty(load.Shims);
        return load;
    }

    private static Patch Doctored(Patch patch, Random random)
    {
        byte[] code = patch.Trampoline.ToArray();
        if (random.Next(2) == 0)
        {
            random.NextBytes(code);
        }
        else if (code.Length > 0)
        {
            code[random.Next(code.Length)] ^= (byte)(1 << random.Next(8));
        }

        TrampolineMapEntry[] map = [.. patch.Map.Select(entry => random.Next(4) == 0 ? entry with { GuestAddress = (uint)random.Next() } : entry)];
        return patch with { Trampoline = code, Map = map };
    }
}
