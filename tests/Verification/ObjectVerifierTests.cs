using System.Buffers.Binary;
using Rewriter;
using Rewriter.Images;
using Rewriter.Images.Elf;
using Rewriter.Patching;
using Rewriter.Verification;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Verification;

/// <summary>Rewritten modules are proven, and each way to doctor one is found with its place.</summary>
public sealed class ObjectVerifierTests
{
    static readonly byte[] _module = Fixture.Bytes("module.o");
    static readonly Rewriting _good = RewritePipeline.Rewrite(KernelImage.Load("module.o", _module), ExecutionMode.Para);

    [Theory]
    [InlineData(ExecutionMode.Para)]
    [InlineData(ExecutionMode.Full)]
    public void WhatIsRewrittenIsVerified(ExecutionMode mode)
    {
        VerificationReport report = ImageVerifier.Verify("m", RewritePipeline.Rewrite(KernelImage.Load("m", _module), mode).File, _module);
        Assert.Empty(report.Violations);
        Assert.Equal(["bytes", "container", "contents", "relocations", "listing", "entries", "borders", "meaning", "targets", "shims"], report.Checks.Select(c => c.Name));
        Assert.All(report.Checks.SkipLast(1), check => Assert.True(check.Checked > 0, check.Name));
    }

    /// <summary>What is done to the file, the check that has to see it, its place and the words.</summary>
    static readonly Dictionary<string, (Action<byte[]> Doctor, string Check, string Place, string What)> _files = new()
    {
        ["a relocation's offset"] = (file => Word(file, Entry(file, ".rel.text", 0), 4), "relocations", "(.text+", "the relocation of"),
        ["a relocation's type"] = (file => file[Entry(file, ".rel.text", 0) + 4] = 2, "relocations", "(.text+", "type 2 of symbol 2"),
        ["a relocation's symbol"] = (file => file[Entry(file, ".rel.text", 0) + 5] = 4, "relocations", "(.text+", "of symbol 4"),
        ["a relocation's addend"] = (file => file[Place(file, ".rel.text", 0)] += 4, "relocations", "(.text+", "+8 instead of"),
        ["a return address"] = (file => file[Place(file, ".rel.text.unlikely", -1)] += 1, "contents", "(.text", "when loaded"),
        ["a trampoline's byte"] = (file => file[At(file, ".text", Moved())] ^= 1, "contents", "(.text+", "when loaded"),
        ["a jump"] = (file => file[At(file, ".text", Start() + 1)] ^= 4, "contents", "(.text+0x4)", "when loaded"),
        ["filler"] = (file => file[At(file, ".text", Last())] = 0x90, "contents", "(.text+", "instead of cc"),
        ["an entry of the exception table"] = (file => file[At(file, "__ex_table", 0)] += 1, "relocations", "(__ex_table+0x0)", "instead of"),
        ["a fix-up"] = (file => file[At(file, "__ex_table", 4)] -= 1, "relocations", "(__ex_table+0x4)", "instead of"),
        ["an entry's kind"] = (file => file[At(file, "__ex_table", 8)] = 3, "contents", "(__ex_table+0x8)", "when loaded"),
        ["a section's flags"] = (file => file[Header(file, ".text") + 8] |= 1, "container", "offset 0x", "not the original's"),
        ["a section's size"] = (file => Word(file, Header(file, ".data") + 20, 8), "contents", "section .data", "no patch asks"),
        ["a section's place"] = (file => Word(file, Header(file, ".rodata") + 16, (uint)_module.Length), "contents", "section .rodata", "no patch asks"),
        ["a name"] = (file => file[Find(file, ".shstrtab").Offset + 1] ^= 1, "container", "offset 0x", "not the original's"),
        ["bytes between sections"] = (file => file[Find(file, ".rel.text").Offset - 1] = 1, "container", "offset 0x", "belong to nothing"),
        ["a byte of the original"] = (file => file[At(file, ".rodata", 1)] ^= 1, "relocations", "(.rodata+0x0)", "instead of"),
    };

    public static TheoryData<string> Files => [.. _files.Keys];

    /// <summary>The restored original is what it should be, so that the manifest is no help: only the code that is loaded is wrong.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void ADoctoredFileIsFound(string what)
    {
        (Action<byte[]> doctor, string check, string place, string words) = _files[what];
        byte[] file = [.. _good.File];
        doctor(file);
        Assert.NotEqual(_good.File, file);
        VerificationReport report = ImageVerifier.Verify("m", new VerifiedImage(KernelImage.Load("m", _module), _good.Plan, _good.Manifest, file), compiles: false);
        Assert.Contains(report.Violations, v => v.Check == check && v.Place.Contains(place, StringComparison.Ordinal) && v.What.Contains(words, StringComparison.Ordinal));
    }

    static readonly Dictionary<string, (Func<PatchPlan, PatchPlan> Doctor, string Check, string What)> _plans = new()
    {
        ["a site is not listed"] = (plan => plan with { Sites = [.. plan.Sites.Skip(1)] }, "listing", "not listed"),
        ["a silent site has no prefix"] = (plan => Change(plan, p => Prefix(p) >= 0, p => p with { Trampoline = Without(p, Prefix(p)) }), "meaning", "does not hold the shim"),
        ["a displaced instruction changed"] = (plan => Change(plan, p => p.Trampoline.Length > 0 && p.OriginalBytes.Span[0] == 0x9C, p => p with { Trampoline = Set(p.Trampoline, p.Map[1].Offset, 0x59) }), "meaning", "something else than pop"),
        ["a jump goes elsewhere"] = (plan => Change(plan, p => p.Tactic == PatchTactic.JumpFollowing, p => p with { NewBytes = Set(p.NewBytes, 1, (byte)(p.NewBytes.Span[1] + 1)) }), "entries", "does not jump to"),
        ["a redirected branch goes elsewhere"] = (plan => Change(plan, p => p.Tactic == PatchTactic.Redirected, p => p with { NewBytes = Set(p.NewBytes, 2, (byte)(p.NewBytes.Span[2] + 1)) }), "entries", "led to where its target is now"),
        ["a branch is not redirected"] = (plan => plan with { Patches = [.. plan.Patches.Where(p => p.Tactic != PatchTactic.Redirected)] }, "targets", "leads into the range"),
        ["a patch is larger"] = (plan => Change(plan, p => p.Address == Start(plan), p => p with { OriginalBytes = _text.Slice(3, 9).ToArray(), NewBytes = (byte[])[.. p.NewBytes.Span, 0xF4] }), "meaning", "the original goes on"),
        ["a patch begins inside an instruction"] = (plan => Change(plan, p => p.Address == Start(plan), p => p with { Address = p.Address - 1 }), "borders", "is cut"),
        ["a trap that nobody would understand"] = (plan => Change(plan, p => p.Tactic == PatchTactic.JumpFollowing, p => p with { NewBytes = new byte[] { 0xF4 }, Tactic = PatchTactic.Trap, Trampoline = default, Map = [] }), "entries", "neither a trap"),
    };

    public static TheoryData<string> Plans => [.. _plans.Keys];

    /// <summary>A flaw of the planner's: file and manifest agree, and are wrong.</summary>
    [Theory]
    [MemberData(nameof(Plans))]
    public void AFlawInThePlanIsFound(string what)
    {
        (Func<PatchPlan, PatchPlan> doctor, string check, string words) = _plans[what];
        VerificationReport report = ImageVerifier.Verify("m", new VerifiedImage(KernelImage.Load("m", _module), doctor(_good.Plan), _good.Manifest, _good.File), compiles: false);
        Assert.Contains(report.Violations, v => v.Check == check && v.Place.Contains("(.text", StringComparison.Ordinal) && v.What.Contains(words, StringComparison.Ordinal));
    }

    /// <summary>Every byte behind the original is accounted for: whichever is changed, it is found.</summary>
    [Fact]
    public void AnyChangedByteIsFound()
    {
        var random = new Random(5);
        var missed = new List<int>();
        foreach (int at in Enumerable.Range(0, _good.File.Length).Where(_ => random.Next(12) == 0))
        {
            byte[] file = [.. _good.File];
            file[at] ^= (byte)(1 << random.Next(8));
            try
            {
                if (ImageVerifier.Verify("m", file, _module) is { IsGood: true })
                {
                    missed.Add(at);
                }
            }
            catch (BadImageException damaged)
            {
                Assert.NotEmpty(damaged.Message);
            }
        }

        // The name table has room that no section's name uses, and names of the table that was.
        ElfSection names = Find(_good.File, ".shstrtab");
        Assert.All(missed, at => Assert.InRange(at, (long)names.Offset, (long)(names.Offset + names.Size)));
    }

    [Fact]
    public void DebiansModulesAreVerified()
    {
        string modules = Fixture.Downloaded("modules/*-686");
        foreach (string name in (string[])["ext4", "libata", "8139cp", "kvm-amd", "raid6_pq", "scsi_mod", "crc32_generic", "acpi_power_meter", "lp", "floppy"])
        {
            foreach (string path in Directory.EnumerateFiles(modules, name + ".ko", SearchOption.AllDirectories))
            {
                byte[] module = File.ReadAllBytes(path);
                Assert.Empty(ImageVerifier.Verify(name, RewritePipeline.Rewrite(KernelImage.Load(name, module), ExecutionMode.Para).File, module).Violations);
            }
        }
    }

    static readonly byte[] _loaded = KernelImage.Load("m", _module).Payload.ToArray();
    static ReadOnlyMemory<byte> _text => _loaded.AsMemory((int)Sections(_module).Single(s => s.Name == ".text").Offset);

    static List<ElfSection> Sections(byte[] file) => ElfSection.ReadAll(new ByteView(file), ElfHeader.Read(new ByteView(file)));

    // The last one of a name: of .shstrtab the one that was added.
    static ElfSection Find(byte[] file, string name) => Sections(file).Last(s => s.Name == name);

    static int Header(byte[] file, string name) => (int)Find(file, name).HeaderOffset;

    static int At(byte[] file, string section, uint offset) => (int)(Find(file, section).Offset + offset);

    /// <summary>File offset of a table's entry; -1 is the last.</summary>
    static int Entry(byte[] file, string table, int index) => At(file, table, index < 0 ? (uint)Find(file, table).Size - 8 : 8 * (uint)index);

    /// <summary>File offset of the field that an entry is about.</summary>
    static int Place(byte[] file, string table, int index) =>
        At(file, table[4..], BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(Entry(file, table, index))));

    static uint Text => (uint)_good.Scan.Map.Sections.First(s => s.Name == ".text").Address;

    static uint Start() => Start(_good.Plan) - Text;
    static uint Start(PatchPlan plan) => plan.Patches[0].Address;
    static uint Moved() => _good.Plan.Patches[0].TrampolineAddress + 1 - Text;
    static uint Last() => _good.Plan.Patches.Where(p => p.Trampoline.Length != 0).Select(p => p.TrampolineAddress - 1).First(a => _good.File[At(_good.File, ".text", a - Text)] == 0xCC) - Text;

    static int Prefix(Patch patch) => patch.Trampoline.Length == 0 ? -1 : patch.Trampoline.Span.IndexOf("xen"u8) - 2;

    static byte[] Without(Patch patch, int at)
    {
        byte[] code = patch.Trampoline.ToArray();
        code.AsSpan(at, 5).Fill(0x90);
        return code;
    }

    static PatchPlan Change(PatchPlan plan, Func<Patch, bool> which, Func<Patch, Patch> change)
    {
        Patch found = plan.Patches.First(which);
        return plan with { Patches = [.. plan.Patches.Select(p => p == found ? change(p) : p)] };
    }

    static byte[] Set(ReadOnlyMemory<byte> bytes, int at, byte value)
    {
        byte[] changed = bytes.ToArray();
        changed[at] = value;
        return changed;
    }

    static void Word(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
}
