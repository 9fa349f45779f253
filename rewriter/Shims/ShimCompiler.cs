// Compiles shims: with the checker the only place where Roslyn is used. What the checker refuses is never handed out.
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;
using Rewriter.ShimAnalyzer;
using Runtime.Abi.Shims;

namespace Rewriter.Shims;

/// <summary>A file of shims.</summary>
/// <param name="Path">As diagnostics and the debug information name it; not read.</param>
/// <param name="IsFromPack">Written by a user: it runs on a budget.</param>
public sealed record ShimFile(string Path, string Text, bool IsFromPack = false);

/// <summary>What came of a compilation: an assembly, or the reasons why there is none.</summary>
/// <param name="Assembly">With embedded PDB, which embeds the source; empty if there are diagnostics.</param>
/// <param name="Sha256">Of the assembly, lower-case hexadecimal; "" if there is none.</param>
public sealed record ShimAssembly(ReadOnlyMemory<byte> Assembly, string Sha256, IReadOnlyList<ShimDiagnostic> Diagnostics)
{
    public bool IsGood => Diagnostics.Count == 0;
}

/// <summary>Checks and compiles C# shims. Deterministic: the same files, compiler and framework give the same bytes.</summary>
public static class ShimCompiler
{
    private const int MaxDiagnostics = 100;

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.CSharp13, DocumentationMode.None);

    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, deterministic: true, allowUnsafe: false,
        nullableContextOptions: NullableContextOptions.Enable, checkOverflow: false, concurrentBuild: true);

    /// <param name="assemblyName">Simple name of the assembly.</param>
    public static ShimAssembly Compile(string assemblyName, IReadOnlyList<ShimFile> files)
    {
        try
        {
            return CompileChecked(CompilationOf(assemblyName, files), files);
        }
        catch (InsufficientExecutionStackException)
        {
            return Refused([new ShimDiagnostic("SHIM002", files[0].Path, 1, 1, "an expression or a statement is nested too deeply")]);
        }
    }

    /// <summary>The files as written, not yet compiled.</summary>
    internal static CSharpCompilation CompilationOf(string assemblyName, IReadOnlyList<ShimFile> files) =>
        CSharpCompilation.Create(assemblyName, files.Select(Parse), References(), Options);

    private static ShimAssembly CompileChecked(CSharpCompilation compilation, IReadOnlyList<ShimFile> files)
    {
        // Compiled while it is checked: both bind the same code, and each takes about as long. What packs hold is not nice to a compiler
        // on every thread: it is checked first.
        bool hasPack = files.Any(file => file.IsFromPack);
        Task<ShimAssembly>? emission = hasPack ? null : Task.Run(() => Emit(compilation));
        var graph = new ShimCallGraph();
        var diagnostics = new List<ShimDiagnostic>();
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            diagnostics.AddRange(Errors(tree.GetDiagnostics()));
            new ShimChecker(compilation.GetSemanticModel(tree), graph, found => diagnostics.Add(ShimDiagnostic.Of(found))).Visit(tree.GetRoot());
        }

        diagnostics.AddRange(graph.Recursions().Select(ShimDiagnostic.Of));
        ShimAssembly? assembly = emission?.GetAwaiter().GetResult();
        return diagnostics.Count > 0 ? Refused(diagnostics) : assembly ?? Emit(Budgeted(compilation, files));
    }

    /// <summary>With the packs' files on a budget; if they do not compile as they are, that is what is to be said.</summary>
    private static CSharpCompilation Budgeted(CSharpCompilation compilation, IReadOnlyList<ShimFile> files)
    {
        if (Errors(compilation.GetDiagnostics()).Any())
        {
            return compilation;
        }

        foreach ((SyntaxTree tree, ShimFile file) in compilation.SyntaxTrees.Zip(files))
        {
            compilation = file.IsFromPack ? compilation.ReplaceSyntaxTree(tree, BudgetRewriter.Apply(tree)) : compilation;
        }

        return compilation;
    }

    private static SyntaxTree Parse(ShimFile file) =>
        CSharpSyntaxTree.ParseText(SourceText.From(file.Text, Encoding.UTF8), ParseOptions, file.Path);

    private static ShimAssembly Emit(CSharpCompilation compilation)
    {
        var options = new EmitOptions(
            debugInformationFormat: DebugInformationFormat.Embedded, pdbChecksumAlgorithm: HashAlgorithmName.SHA256);
        using var stream = new MemoryStream();
        EmbeddedText[] sources = [.. compilation.SyntaxTrees.Select(tree => EmbeddedText.FromSource(tree.FilePath, tree.GetText()))];
        EmitResult result = compilation.Emit(stream, options: options, embeddedTexts: sources);
        if (!result.Success)
            return Refused([.. Errors(result.Diagnostics)]);

        byte[] assembly = stream.ToArray();
        return new ShimAssembly(assembly, Convert.ToHexStringLower(SHA256.HashData(assembly)), []);
    }

    private static ShimAssembly Refused(List<ShimDiagnostic> diagnostics) => new(default, "",
        [.. diagnostics.OrderBy(d => d.File, StringComparer.Ordinal).ThenBy(d => d.Line).ThenBy(d => d.Column).Take(MaxDiagnostics)]);

    private static IEnumerable<ShimDiagnostic> Errors(IEnumerable<Diagnostic> diagnostics)
    {
        foreach (Diagnostic diagnostic in diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error))
            yield return ShimDiagnostic.Of(diagnostic);
    }

    // The core library alone and the shim interfaces: what is not referenced cannot be named.
    private static MetadataReference[] References() =>
    [
        ReferenceTo(typeof(object).Assembly.Location),
        ReferenceTo(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System.Runtime.dll")),
        ReferenceTo(typeof(IShimContext).Assembly.Location),
    ];

    // Without a path: of references that have one the PDB notes time stamp, size and MVID, and a Debug build of the same interfaces would
    // give other shims than a Release build.
    private static PortableExecutableReference ReferenceTo(string path) =>
        AssemblyMetadata.CreateFromStream(File.OpenRead(path), PEStreamOptions.PrefetchMetadata).GetReference();
}
