// Who may know whom: Abi <- rewriter <- runtime; devices and engines meet only in the run loop; each heavy library has its rooms.
using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Rules;

public sealed class ArrowTests
{
    [Fact]
    public void AbiKnowsNobody() => MustNotMention("runtime/Abi", @"\b(Rewriter|Iced|Microsoft\.CodeAnalysis)\b|(?<!\.)\bRuntime\.(?!Abi\b)\w");

    [Fact]
    public void RewriterKnowsOfTheRuntimeOnlyTheAbi() => MustNotMention("rewriter", @"^\s*using\s+(static\s+)?Runtime(\.(?!Abi\b)\w+|\s*;)|\b(?<!\.)Runtime\.(Engines|Devices|Memory|Loading|Time|Commands|Reporting)\b");

    [Fact]
    public void DevicesKnowNoEngines() => MustNotMention("runtime/Devices", @"\bEngines\b|\bIExecutionEngine\b|\bVmExit\b|\bRewriter\b");

    [Fact]
    public void EnginesKnowNoDevices() => MustNotMention("runtime/Engines", @"\bRuntime\.Devices\b|\bPortBus\b|\bPic8259\b|\bRuntime\.(Commands|Loading|Reporting)\b");

    [Fact]
    public void EventsAndTheStoreKnowMemoryAndTheAbiOnly()
    {
        const string others = @"(?<!\.)\bRuntime\.(Engines|Devices|Paravirt|Commands|Loading|Time)\b|\bRewriter\b";
        MustNotMention("runtime/Events", others);
        MustNotMention("runtime/XenStore", others);
    }

    [Fact]
    public void MemoryKnowsNobody() => MustNotMention("runtime/Memory", @"\bRuntime\.(Engines|Devices|Commands|Loading)\b|\bRewriter\b|\bIced\b");

    [Fact]
    public void ProjectsReferenceEachOtherOneWay()
    {
        Assert.DoesNotContain("ProjectReference", Read("runtime/Abi/Abi.csproj"));
        Assert.DoesNotContain("runtime.csproj", Read("rewriter/rewriter.csproj"));
    }

    /// <summary>Code is decoded and emitted in these rooms only.</summary>
    [Fact]
    public void IcedStaysWhereCodeIsDecodedOrEmitted()
        => OnlyIn(@"\busing\s+(static\s+)?Iced\b", "rewriter/Scanning", "rewriter/Patching", "rewriter/Shims", "rewriter/Audit", "rewriter/Rewritten", "rewriter/Verification", "runtime/Engines", "tests");

    [Fact]
    public void RoslynStaysInTheShimCompiler() => OnlyIn(@"\bMicrosoft\.CodeAnalysis\b", "rewriter/Shims", "analyzer", "tests");

    /// <summary>Pointers and calls into the host's libraries are in files whose name says so.</summary>
    [Fact]
    public void UnsafeCodeIsInFilesThatSaySo()
    {
        var pattern = new Regex(@"^\s*(?!//)[^""]*(\bunsafe\b|\[DllImport\b|\[LibraryImport\b)", RegexOptions.Multiline);
        Report(SourceTree.CSharp.Where(file => !file.IsIn("tests") && !file.Path.EndsWith(".Unsafe.cs", StringComparison.Ordinal) && pattern.IsMatch(file.Text)).Select(file => file.Path));
    }

    [Fact]
    public void UnsafeFilesSayWhyTheyAreSafe()
        => Report(SourceTree.CSharp
            .Where(file => file.Path.EndsWith(".Unsafe.cs", StringComparison.Ordinal) && file.Text.Contains("unsafe", StringComparison.Ordinal)
                && !file.Text.Contains("// SAFETY:", StringComparison.Ordinal))
            .Select(file => file.Path));

    private static string Read(string path) => SourceTree.Files.Single(file => file.Path == path).Text;

    private static void MustNotMention(string folder, string pattern)
        => Report(SourceTree.CSharp.Where(file => file.IsIn(folder)).SelectMany(file => Matches(file, pattern)));

    private static void OnlyIn(string pattern, params string[] folders)
        => Report(SourceTree.CSharp.Where(file => !folders.Any(file.IsIn)).SelectMany(file => Matches(file, pattern)));

    private static IEnumerable<string> Matches(SourceFile file, string pattern)
        => file.Lines.Select((line, index) => (line, index))
            .Where(entry => !entry.line.TrimStart().StartsWith("//", StringComparison.Ordinal) && Regex.IsMatch(entry.line, pattern))
            .Select(entry => $"{file.Path}:{entry.index + 1}: {entry.line.Trim()}");

    private static void Report(IEnumerable<string> offenders)
    {
        string[] all = [.. offenders];
        Assert.True(all.Length == 0, $"{all.Length}:\n{string.Join('\n', all)}");
    }
}
