using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Rewriter.Images;
using Rewriter.ShimAnalyzer;
using Rewriter.Shims;
using Tests.Images;
using Xunit;

namespace Tests.Shims;

/// <summary>A pack is bound to an image, or refused with the place in the user's file.</summary>
public sealed class PackBinderTests
{
    static readonly KernelImage _image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));

    [Theory]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) { }", "pack void N.P.M")]
    [InlineData("[ReplacesFunction(0x100000)] public static uint M(IShimContext vcpu) => vcpu.Eax;", "pack uint N.P.M")]
    [InlineData("const uint Entry = 0x100000; [ReplacesFunction(Entry)] internal static bool M(IShimContext vcpu) => true;", "pack bool N.P.M")]
    public void BySymbolOrAddress(string member, string shim)
    {
        (ulong address, FunctionReplacement method) = Assert.Single(PackBinder.Bind(Pack(member), _image));
        Assert.Equal(0x10_0000ul, address);
        Assert.Equal(shim, method.ToString());
        Assert.Equal(method, FunctionReplacement.TryParse(shim));
    }

    [Theory]
    [InlineData("[ReplacesFunction(\"nowhere\")] public static void M(IShimContext vcpu) { }", "SHIM008", "no symbol 'nowhere'")]
    [InlineData("[ReplacesFunction(0x17)] public static void M(IShimContext vcpu) { }", "SHIM008", "0x00000017 is not in the image's code")]
    [InlineData("[ReplacesFunction(0x100000), ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) { }", "SHIM008", "replaced by 'N.P.M' already")]
    [InlineData("[ReplacesFunction(\"_start\")] public static int M(IShimContext vcpu) => 0;", "SHIM007", "returns void, uint")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M() { }", "SHIM007", "takes one IShimContext")]
    [InlineData("[ReplacesFunction(\"_start\")] static void M(IShimContext vcpu) { }", "SHIM007", "public static")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M<T>(IShimContext vcpu) { }", "SHIM00", "")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) => System.IO.File.Delete(\"x\");", "SHIM001", "reach devices through")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) => M(vcpu);", "SHIM006", "use a loop")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) => System.Console.Beep();", "SHIM001", "a shim has no console")]
    [InlineData("[ReplacesFunction(\"_start\")] public static void M(IShimContext vcpu) => Missing();", "CS0103", "Missing")]
    public void IsRefusedWithItsPlace(string member, string id, string what)
    {
        string message = Assert.Throws<ShimPackException>(() => PackBinder.Bind(Pack(member), _image)).Message;
        Assert.StartsWith($"packs/my/pack.cs(5,", message, StringComparison.Ordinal);
        Assert.Contains($"error {id}", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Fact]
    public void APackThatReplacesNothingIsRefused() =>
        Assert.Contains("replaces nothing", Assert.Throws<ShimPackException>(() => PackBinder.Bind(Pack(""), _image)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatIsNestedTooDeeplyIsRefused()
    {
        string sum = string.Concat(Enumerable.Repeat("vcpu.Eax+", 100_000));
        var pack = new ShimPack([new ShimFile("p.cs", $"class P {{ static uint M(Runtime.Abi.Shims.IShimContext vcpu) => {sum}1; }}", true)]);
        Assert.Throws<ShimPackException>(() => PackBinder.Bind(pack, _image));
    }

    [Theory]
    [InlineData("pack void N.P.M();System.Environment.Exit")]
    [InlineData("pack void N.P.M\n")]
    [InlineData("pack int N.P.M")]
    [InlineData("pack void M")]
    [InlineData("gate")]
    public void OnlyAPlainNameIsAMethod(string shim) => Assert.Null(FunctionReplacement.TryParse(shim));

    [Theory]
    [InlineData("/nonexistent", "no such directory")]
    [InlineData("EMPTY", "holds no .cs file")]
    public void ADirectoryThatIsNoPackIsNamed(string directory, string why)
    {
        string empty = Directory.CreateTempSubdirectory("shim-pack-").FullName;
        string path = directory == "EMPTY" ? empty : directory;
        Assert.Equal($"{path}: {why}", Assert.Throws<ShimPackException>(() => ShimPack.Read(path)).Message);
        Directory.Delete(empty);
    }

    /// <summary>The analyzer in an editor says what the rewriter says.</summary>
    [Fact]
    public async Task TheAnalyzerFindsTheSame()
    {
        ShimPack pack = Pack("""
            static uint counter;
            static void A(IShimContext vcpu) => A(vcpu);
            [ReplacesFunction("_start")] static void M(IShimContext vcpu) { System.Environment.Exit(1); var t = typeof(int); }
            unsafe static void B() { }
            class Q { }
            """);
        var analyzers = ImmutableArray.Create<DiagnosticAnalyzer>(new ShimDiagnosticAnalyzer());
        ImmutableArray<Diagnostic> found = await ShimCompiler.CompilationOf("Pack", pack.Files).WithAnalyzers(analyzers).GetAnalyzerDiagnosticsAsync();
        string[] expected = ["SHIM001 7", "SHIM002 7", "SHIM003 5", "SHIM004 9", "SHIM005 8", "SHIM006 6", "SHIM007 7"];
        Assert.Equal(expected, found.Select(d => $"{d.Id} {d.Location.GetLineSpan().StartLinePosition.Line + 1}").Distinct().Order());
        Assert.Equal(expected, ShimCompiler.Compile("Pack", pack.Files).Diagnostics.Where(d => !d.IsFromCompiler).Select(d => $"{d.Id} {d.Line}").Distinct().Order());
    }

    static ShimPack Pack(string members) => new([new ShimFile("my/pack.cs", $$"""
        using Runtime.Abi.Shims;
        namespace N;
        public static class P
        {
        {{members}}
        }
        """, IsFromPack: true)], "packs");
}
