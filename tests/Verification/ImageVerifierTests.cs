using Rewriter;
using Rewriter.Images;
using Rewriter.Images.Elf;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Shims;
using Rewriter.Verification;
using Runtime.Abi;
using Tests.Images;
using Tests.Rewritten;
using Xunit;

namespace Tests.Verification;

/// <summary>What the rewriter makes is verified; each kind of flaw is found, with its place.</summary>
public sealed class ImageVerifierTests
{
    static readonly Rewriting _good = RewrittenKernel.Of("ukernel.elf");
    static readonly KernelImage _image = RewrittenKernel.Image("ukernel.elf");

    public static TheoryData<string, ExecutionMode> Images
    {
        get
        {
            var all = new TheoryData<string, ExecutionMode>();
            foreach (string name in (string[])["ukernel.elf", "quirks.elf", "nanobench.elf", "pe", "multiboot"])
            {
                all.Add(name, ExecutionMode.Full);
                all.Add(name, ExecutionMode.Para);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void WhatIsRewrittenIsVerified(string name, ExecutionMode mode)
    {
        byte[] code = [0xFA, 0x9C, 0x58, 0x0F, 0x20, 0xC0, 0x74, 0xF9, 0xFB, 0xC3];
        KernelImage image = name switch
        {
            "pe" => KernelImage.Load(name, ImageBuilder.Pe(code, [])),
            "multiboot" => KernelImage.Load(name, ImageBuilder.Multiboot(code)),
            _ => RewrittenKernel.Image(name),
        };
        VerificationReport report = ImageVerifier.Verify(name, RewritePipeline.Rewrite(image, mode).File, image.File.ToArray());
        Assert.Empty(report.Violations);
        Assert.True(report.IsGood);
        Assert.Equal(["bytes", "container", "listing", "entries", "borders", "meaning", "targets", "shims"], report.Checks.Select(c => c.Name));
        Assert.True(report.Checks[0].Checked >= image.File.Length);
    }

    [Theory]
    [InlineData("vmlinuz-*-686")]
    [InlineData("vmlinuz-*-686-pae")]
    [InlineData("memtest86+ia32.efi")]
    public void RealKernelsAreVerified(string pattern)
    {
        KernelImage image = KernelImage.Load(Fixture.Downloaded(pattern));
        VerificationReport report = ImageVerifier.Verify(pattern, RewritePipeline.Rewrite(image, ExecutionMode.Para).File, image.File.ToArray());
        Assert.Empty(report.Violations);
    }

    /// <summary>A flaw in the plan, put into an otherwise consistent image: the check that has to see it, and the words.</summary>
    static readonly Dictionary<string, (Func<PatchPlan, PatchPlan> Doctor, string Check, string What)> _flaws = new()
    {
        ["a site is not listed"] = (plan => plan with { Sites = [.. plan.Sites.Where(s => s != Left(plan))], Patches = plan.Patches }, "listing", "not listed"),
        ["a jump goes elsewhere"] = (plan => Change(plan, IsJump, p => p with { NewBytes = Flipped(p.NewBytes, 2) }), "entries", "does not jump to"),
        ["a guard is no trap"] = (plan => Change(plan, p => GuardBehindJump(p) > 0, p => p with { NewBytes = Set(p.NewBytes, GuardBehindJump(p), 0x90) }), "entries", "does not trap now"),
        ["a trap is no trap"] = (plan => Change(plan, p => p.Tactic == PatchTactic.Trap, p => p with { NewBytes = new byte[] { 0x90 } }), "entries", "neither a trap"),
        ["a site is said to be left"] = (plan => plan with { Sites = [.. plan.Sites.Select((s, i) => i == Served(plan) ? s with { Tactic = PatchTactic.Leave } : s)] }, "entries", "said to be left"),
        ["a displaced instruction changed"] = (plan => Change(plan, p => Displaced(p) >= 0, p => p with { Trampoline = Flipped(p.Trampoline, Displaced(p)) }), "meaning", "something else than"),
        ["a displaced branch leads elsewhere"] = (plan => Change(plan, p => Branch(p) >= 0, p => p with { Trampoline = Flipped(p.Trampoline, Branch(p)) }), "meaning", "something else than"),
        ["a shim changed"] = (plan => Change(plan, IsJump, p => p with { Trampoline = Flipped(p.Trampoline, p.Map.First(m => Site(plan, m) is not null).Offset + 3) }), "meaning", "does not hold the shim"),
        ["a site has another's shim"] = (plan => plan with { Sites = [.. plan.Sites.Select((s, i) => i == Served(plan) ? s with { Shim = "nothing" } : s)] }, "meaning", "shim 'nothing'"),
        ["the trampoline comes back elsewhere"] = (plan => Change(plan, ComesBack, p => p with { Trampoline = Flipped(p.Trampoline, p.Trampoline.Length - 4) }), "meaning", "does not come back"),
        ["the map leaves one out"] = (plan => Change(plan, p => p.Map.Count(m => m.IsRestart) > 2, p => p with { Map = [p.Map[0], .. p.Map.Skip(2)] }), "meaning", "map goes on with"),
    };

    public static TheoryData<string> Flaws => [.. _flaws.Keys];

    [Theory]
    [MemberData(nameof(Flaws))]
    public void AFlawIsFound(string flaw)
    {
        (Func<PatchPlan, PatchPlan> doctor, string check, string what) = _flaws[flaw];
        Rewriting good = flaw.Contains("trap is", StringComparison.Ordinal) ? RewritePipeline.Rewrite(_image, ExecutionMode.Full) : _good;
        PatchPlan plan = doctor(good.Plan);
        VerificationReport report = Verify(plan, good.Manifest, compiles: false);
        Assert.False(report.IsGood);
        Assert.Contains(report.Violations, v => v.Check == check && v.What.Contains(what, StringComparison.Ordinal) && v.Place.StartsWith("0x", StringComparison.Ordinal));
    }

    [Fact]
    public void AnyOtherByteIsFound()
    {
        var random = new Random(1);
        for (int i = 0; i < 20; i++)
        {
            byte[] file = [.. _good.File];
            int at = random.Next(0x1000, _image.File.Length);
            bool isPatched = _good.Plan.Patches.Any(p => ImagePatches.FileOffset(_image, p.Address, 1) <= at && at < ImagePatches.FileOffset(_image, p.Address, 1) + p.NewBytes.Length);
            file[at] ^= 0x10;
            VerificationReport report = ImageVerifier.Verify("x", new VerifiedImage(_image, _good.Plan, _good.Manifest, file), compiles: false);
            Violation found = Assert.Single(report.Violations);
            Assert.Equal("bytes", found.Check);
            Assert.StartsWith($"offset 0x{at:x}", found.Place, StringComparison.Ordinal);
            Assert.True(isPatched || found.What.StartsWith("holds", StringComparison.Ordinal));
        }
    }

    /// <summary>jz L ; pushf ; mov eax, [0x101000] ; pop eax ; ret, with L the pushf, and with L inside the mov.</summary>
    [Fact]
    public void ABranchIntoTheMiddleOfAPatchIsFound()
    {
        byte[] code = [0x74, 0x00, 0x9C, 0x8B, 0x05, 0x00, 0x10, 0x10, 0x00, 0x58, 0xC3];
        KernelImage image = KernelImage.Load("k", ImageBuilder.Multiboot(code));
        Rewriting good = RewritePipeline.Rewrite(image, ExecutionMode.Para);
        code[1] = 3;
        KernelImage other = KernelImage.Load("k", ImageBuilder.Multiboot(code));
        VerificationReport report = ImageVerifier.Verify("k", new VerifiedImage(other, good.Plan, good.Manifest, good.File), compiles: false);
        Assert.Contains(report.Violations, v => v is { Check: "targets", Place: "0x00100025" } && v.What.StartsWith("je at 0x00100020 leads into the range at", StringComparison.Ordinal));
    }

    [Fact]
    public void AnotherOriginalIsFound()
    {
        byte[] other = [.. _image.File.Span];
        other[^1] ^= 1;
        VerificationReport report = ImageVerifier.Verify("x", _good.File, other);
        Assert.Contains(report.Violations, v => v.What.Contains("SHA-256", StringComparison.Ordinal));
    }

    [Fact]
    public void ShimsThatAreNotTheSourcesAreFound()
    {
        Manifest manifest = _good.Manifest;
        string changed = manifest.Source.Replace("=> vcpu.Halt();", "=> vcpu.Emulate();", StringComparison.Ordinal);
        ShimAssembly compiled = RewritePipeline.CompileShims(changed, []);
        Assert.Contains(Verify(_good.Plan, manifest with { Source = changed }).Violations, v => v.What.Contains("not what the source compiles to", StringComparison.Ordinal));
        Assert.Contains(
            Verify(_good.Plan, manifest with { Source = changed, Assembly = compiled.Assembly.ToArray(), AssemblyDigest = compiled.Sha256 }).Violations,
            v => v.Place.StartsWith("Sites.cs:", StringComparison.Ordinal) && v.What.Contains("not what the sites ask for", StringComparison.Ordinal));
        Assert.Contains(Verify(_good.Plan, manifest with { Source = "class" }).Violations, v => v.Place.StartsWith("Sites.cs:1:", StringComparison.Ordinal));
    }

    /// <summary>Random flaws in patches: whatever is changed is found, and nothing throws.</summary>
    [Fact]
    public void RandomFlawsAreFound()
    {
        var random = new Random(7);
        for (int i = 0; i < 60; i++)
        {
            int index = random.Next(_good.Plan.Patches.Count);
            Patch patch = _good.Plan.Patches[index];
            Patch doctored = random.Next(4) switch
            {
                0 => patch with { NewBytes = Flipped(patch.NewBytes, random.Next(Math.Min(5, patch.NewBytes.Length))) },
                1 when patch.Trampoline.Length > 0 => patch with { Trampoline = Flipped(patch.Trampoline, random.Next(patch.Trampoline.Length)) },
                2 when patch.Map.Count > 0 => patch with { Map = [.. patch.Map.Select(m => m with { GuestAddress = m.GuestAddress + 1 })] },
                _ => patch with { TrampolineAddress = patch.TrampolineAddress + (uint)random.Next(1, 64) },
            };
            if (doctored.Trampoline.Length == 0 && doctored.NewBytes.Span.SequenceEqual(patch.NewBytes.Span))
            {
                continue;
            }

            PatchPlan plan = _good.Plan with { Patches = [.. _good.Plan.Patches.Select((p, k) => k == index ? doctored : p)] };
            Assert.False(Verify(plan, _good.Manifest, compiles: false).IsGood, $"{doctored}");
        }
    }

    /// <summary>Random damage to the file: one of two ends, never another exception.</summary>
    [Fact]
    public void DamagedFilesFail()
    {
        var random = new Random(3);
        for (int i = 0; i < 60; i++)
        {
            byte[] file = [.. _good.File];
            for (int k = random.Next(1, 4); k > 0; k--)
            {
                file[random.Next(file.Length)] ^= (byte)random.Next(1, 256);
            }

            try
            {
                bool isMissed = ImageVerifier.Verify("x", file).IsGood && !file.AsSpan().SequenceEqual(_good.File) && IsCovered(file);
                Assert.False(isMissed, $"{file.AsSpan().CommonPrefixLength(_good.File):x}");
            }
            catch (BadImageException damaged)
            {
                Assert.NotEmpty(damaged.Message);
            }
        }
    }

    // What section names a debugger is shown is not what a rewrite means.
    static bool IsCovered(byte[] file)
    {
        ElfSection names = ElfSection.ReadAll(new ByteView(_good.File), ElfHeader.Read(new ByteView(_good.File)))[^1];
        int at = file.AsSpan().CommonPrefixLength(_good.File);
        return at < (long)names.Offset || at >= (long)(names.Offset + names.Size);
    }

    static VerificationReport Verify(PatchPlan plan, Manifest manifest, bool compiles = true)
    {
        Manifest listed = Manifest.Of(_image, plan, manifest.Source, new ShimAssembly(manifest.Assembly, manifest.AssemblyDigest, []));
        return ImageVerifier.Verify("x", new VerifiedImage(_image, plan, listed, RewrittenImage.Write(_image, plan, listed)), compiles);
    }

    static PatchPlan Change(PatchPlan plan, Func<Patch, bool> which, Func<Patch, Patch> change)
    {
        Patch found = plan.Patches.First(which);
        return plan with { Patches = [.. plan.Patches.Select(p => p == found ? change(p) : p)] };
    }

    static bool IsJump(Patch patch) => patch.Tactic is PatchTactic.JumpFollowing && patch.Map[0].Offset == 0;

    static PlannedSite? Site(PatchPlan plan, TrampolineMapEntry entry) => plan.Sites.FirstOrDefault(s => s.Site.Address == entry.GuestAddress && entry.IsRestart);

    static int Served(PatchPlan plan) => plan.Sites.First(s => s.Tactic == PatchTactic.JumpFollowing).Index;

    // One that no patch serves, so that leaving it out of the list is the only flaw; else any.
    static PlannedSite Left(PatchPlan plan) => plan.Sites.FirstOrDefault(s => s.Tactic == PatchTactic.Leave && s.Site.Confidence != SiteConfidence.Low)
        ?? plan.Sites.First(s => s.Site.Confidence == SiteConfidence.High);

    static int GuardBehindJump(Patch patch) => patch.Trampoline.Length == 0 ? 0 : patch.Map.Where(m => m.IsRestart).Select(m => (int)(m.GuestAddress - patch.Address))
        .FirstOrDefault(offset => offset > 0 && offset < patch.NewBytes.Length);

    /// <summary>Offset in the trampoline of an instruction that is the same bytes as in the range.</summary>
    static int Displaced(Patch patch) => patch.Trampoline.Length == 0 ? -1 : patch.Map
        .Where(m => m.IsRestart && m.GuestAddress - patch.Address < (uint)patch.OriginalBytes.Length && _image.SectionAt(m.GuestAddress) is not null
            && _good.Plan.Sites.All(s => s.Site.Address != m.GuestAddress)
            && m.Offset + 1 < patch.Trampoline.Length && patch.Trampoline.Span[m.Offset] == patch.OriginalBytes.Span[(int)(m.GuestAddress - patch.Address)]
            && patch.Trampoline.Span[m.Offset] is 0x89 or 0x8B or 0x83)
        .Select(m => m.Offset + 1).FirstOrDefault(-1);

    /// <summary>Offset of the displacement of a displaced Jcc.</summary>
    static int Branch(Patch patch) => patch.Trampoline.Length == 0 ? -1 : patch.Map
        .Where(m => m.IsRestart && m.Offset + 6 <= patch.Trampoline.Length && patch.Trampoline.Span[m.Offset] == 0x0F && (patch.Trampoline.Span[m.Offset + 1] & 0xF0) == 0x80)
        .Select(m => m.Offset + 3).FirstOrDefault(-1);

    static bool ComesBack(Patch patch) => patch.Trampoline.Length > 5 && patch.Map[^1].GuestAddress == patch.Address + (uint)patch.NewBytes.Length;

    static byte[] Flipped(ReadOnlyMemory<byte> bytes, int at) => Set(bytes, at, (byte)(bytes.Span[at] ^ 0x01));

    static byte[] Set(ReadOnlyMemory<byte> bytes, int at, byte value)
    {
        byte[] changed = bytes.ToArray();
        changed[at] = value;
        return changed;
    }
}
