using System.Diagnostics;
using System.Globalization;
using Rewriter;
using Rewriter.Images;
using Runtime.Abi;
using Tests.Images;
using Tests.Rewritten;
using Xunit;

namespace Tests.Fuzz;

/// <summary>
/// No file makes a command end in anything but its result or one line. The seed is fixed; REWRITER_FUZZ_SECONDS in the environment lets the
/// last test go on for so long with other seeds. A file that fails is kept, and becomes a fixture named for its cause.
/// </summary>
public sealed class CommandFuzzTests
{
    private const string SecondsVariable = "REWRITER_FUZZ_SECONDS";
    private const int Rounds = 60;
    private const int Seed = 6;

    public static TheoryData<string> Images =>
    [
        "tiny.elf", "pe", "bzimage", "multiboot", "module.o", "module64.o",
        "rewritten tiny.elf", "rewritten pe", "rewritten bzimage", "rewritten multiboot", "rewritten module.o",
    ];

    public static TheoryData<string> Bombs => [.. ImageMutator.Bombs(Make("rewritten tiny.elf")).Select(bomb => bomb.Name)];

    [Theory]
    [MemberData(nameof(Images))]
    public void DamagedFilesGiveAResultOrOneLine(string name)
    {
        byte[] good = Make(name);
        for (int round = 0; round < Rounds; round++)
        {
            Try(name, good, Seed + round, compiles: round % 20 == 0);
        }
    }

    [Theory]
    [MemberData(nameof(Bombs))]
    public void WhatWantsToBeLargeIsRefusedOrRead(string name)
    {
        byte[] good = Make("rewritten tiny.elf");
        byte[] bomb = ImageMutator.Bombs(good).Single(b => b.Name == name).Make();
        Assert.True(bomb.Length < 32 << 20);
        CommandFuzz.Run(name, bomb, Fixture.Bytes("tiny.elf"), compiles: false);
    }

    [Fact]
    public void ForAsLongAsIsAskedFor()
    {
        bool isAsked = double.TryParse(Environment.GetEnvironmentVariable(SecondsVariable), CultureInfo.InvariantCulture, out double seconds);
        Assert.SkipUnless(isAsked, $"set {SecondsVariable} to let this run");
        (string Name, byte[] File)[] all = [.. Images.Select(row => ((string)row.Data, Make(row.Data))), ("ukernel.elf", RewrittenKernel.Image("ukernel.elf").File.ToArray()),
            ("rewritten ukernel.elf", RewrittenKernel.Of("ukernel.elf").File)];
        var watch = Stopwatch.StartNew();
        int count = 0;
        List<string> failures = [];
        for (int seed = 1_000_000; watch.Elapsed.TotalSeconds < seconds; seed++, count++)
        {
            (string name, byte[] good) = all[seed % all.Length];
            try
            {
                Try(name, good, seed, compiles: seed % 25 == 0);
            }
            catch (Exception error)
            {
                failures.Add($"seed {seed}: {error.Message}");
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{count} files in {watch.Elapsed.TotalSeconds:F0} s");
        Assert.True(failures.Count == 0, $"{failures.Count} of {count}\n{string.Join('\n', failures.Take(20))}");
    }

    private static void Try(string name, byte[] good, int seed, bool compiles)
    {
        byte[] bad = new ImageMutator(new Random(seed)).Mutate(good);
        try
        {
            CommandFuzz.Run($"{name}, seed {seed}", bad, good, compiles);
        }
        catch
        {
            File.WriteAllBytes(Path.Combine(Path.GetTempPath(), $"rewriter-fuzz-{seed}.bin"), bad);
            throw;
        }
    }

    private static byte[] Make(string name) => name.StartsWith("rewritten ", StringComparison.Ordinal)
        ? RewritePipeline.Rewrite(KernelImage.Load(name, Make(name[10..])), ExecutionMode.Para).File
        : name switch
        {
            "pe" => ImageBuilder.Pe([0xFA, 0x0F, 0xA2, 0xFF, 0x15, 0, 0x20, 0x40, 0, 0x9C, 0x58, 0xC3], [ImageBuilder.PeText]),
            "bzimage" => ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], ImageBuilder.Gzip),
            "multiboot" => ImageBuilder.Multiboot([0xFA, 0xE8, 0, 0, 0, 0, 0x0F, 0xA2, 0xF4, 0xC3]),
            _ => Fixture.Bytes(name),
        };
}
