using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Rewriter.Patching;
using Rewriter.Shims;
using Runtime.Abi;
using Runtime.Abi.Shims;
using Tests.Patching;
using Xunit;

namespace Tests.Shims;

public sealed class ShimSourceTests
{
    /// <summary>Bytes of an instruction at c0101234, and the body that its shim must have.</summary>
    public static TheoryData<string, string> Bodies()
    {
        var data = new TheoryData<string, string>();
        foreach (string line in File.ReadLines(Path.Combine(Here(), "Cases", "bodies.txt")).Where(line => line.Length > 0 && line[0] != '#'))
        {
            string[] parts = line.Split('|', StringSplitOptions.TrimEntries);
            data.Add(parts[0], parts[2]);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void BodyResolvesTheOperands(string bytes, string body) => Assert.Equal(body, ShimBody.Of(Decode(bytes)));

    [Fact]
    public void EveryBodyCompiles()
    {
        IEnumerable<string> methods = Bodies().Select((row, i) => $"public static void M{i}(IShimContext vcpu) => {row.Data.Item2};");
        ShimAssembly assembly = ShimCompiler.Compile("bodies", [new ShimFile("bodies.cs", $"using Runtime.Abi.Shims; static class C {{ {string.Join('\n', methods)} }}")]);
        Assert.Empty(assembly.Diagnostics);
    }

    [Fact]
    public void GeneratedFileIsAsListed() => Golden.Check(Path.Combine(Here(), "Golden", "generated-shims.txt"), Generate(5));

    [Fact]
    public void GeneratedFileCompilesToTheSameBytesTwice()
    {
        ShimAssembly first = ShimCompiler.Compile("guest-shims", [new ShimFile("sites.cs", Generate(5))]);
        ShimAssembly second = ShimCompiler.Compile("guest-shims", [new ShimFile("sites.cs", Generate(5))]);
        Assert.Empty(first.Diagnostics);
        Assert.Equal(first.Sha256, second.Sha256);
        Assert.True(first.Assembly.Span.SequenceEqual(second.Assembly.Span));
    }

    /// <summary>A Debug build of the interfaces has another MVID than a Release build: nothing of it may reach an image.</summary>
    [Fact]
    public void CompiledShimsDoNotSayWhichBuildTheyWereCompiledAgainst()
    {
        var references = new Guid("7E4D4708-096E-4C5C-AEDA-CB10BA6A6740"); // compilation metadata references (Portable PDB)
        ShimAssembly shims = ShimCompiler.Compile("guest-shims", [new ShimFile("sites.cs", Generate(5))]);
        using var image = new PEReader(new MemoryStream(shims.Assembly.ToArray()));
        DebugDirectoryEntry entry = image.ReadDebugDirectory().Single(e => e.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        using MetadataReaderProvider provider = image.ReadEmbeddedPortablePdbDebugDirectoryData(entry);
        MetadataReader pdb = provider.GetMetadataReader();
        IEnumerable<byte> noted = pdb.CustomDebugInformation.Select(pdb.GetCustomDebugInformation)
            .Where(information => pdb.GetGuid(information.Kind) == references)
            .SelectMany(information => pdb.GetBlobBytes(information.Value));
        Assert.Empty(noted);
        Assert.Contains(pdb.Documents, document => pdb.GetString(pdb.GetDocument(document).Name) == "sites.cs");
    }

    [Fact]
    public void CompiledShimPerformsItsInstruction()
    {
        const string Source = """
            using Runtime.Abi.Shims;
            public static class Sites
            {
                [GuestSite(0xc0101234)]
                public static void Site_c0101234(IShimContext vcpu) => vcpu.WriteControlRegister(3, vcpu.Eax);
            }
            """;
        var context = new AssemblyLoadContext("shims", isCollectible: true);
        Assembly assembly = context.LoadFromStream(new MemoryStream(ShimCompiler.Compile("one", [new ShimFile("one.cs", Source)]).Assembly.ToArray()));
        MethodInfo method = assembly.GetType("Sites")!.GetMethod("Site_c0101234")!;
        Assert.Equal(0xC0101234u, method.GetCustomAttribute<GuestSiteAttribute>()!.Address);

        IShimContext vcpu = DispatchProxy.Create<IShimContext, RecordingContext>();
        method.CreateDelegate<Action<IShimContext>>()(vcpu);
        Assert.Equal(["get_Eax", "WriteControlRegister 3 4660"], ((RecordingContext)vcpu).Calls);
        context.Unload();
    }

    private static string Generate(int seed)
    {
        RandomCode code = RandomCode.Create(seed, 60);
        PatchPlan plan = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), PlannerOptions.Default).Plan(code.Context, code.Sites, 0);
        return ShimSource.Generate(plan, "random\n#error");
    }

    private static Iced.Intel.Instruction Decode(string bytes) => Iced.Intel.Decoder.Create(32, Convert.FromHexString(bytes), 0xC0101234u).Decode();

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    public class RecordingContext : DispatchProxy
    {
        public List<string> Calls { get; } = [];

        protected override object? Invoke(MethodInfo? method, object?[]? arguments)
        {
            Calls.Add(string.Join(' ', [method!.Name, .. arguments ?? []]));
            return method.ReturnType == typeof(uint) ? 0x1234u : null;
        }
    }
}
