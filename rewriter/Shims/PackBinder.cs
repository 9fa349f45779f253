// Finds the methods of a shim pack that replace guest functions, and the functions.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Rewriter.Images;
using Runtime.Abi.Shims;

namespace Rewriter.Shims;

/// <summary>Binds the methods of a pack to addresses of an image.</summary>
public sealed class PackBinder
{
    readonly KernelImage _image;
    readonly List<ShimDiagnostic> _diagnostics = [];
    readonly SortedDictionary<ulong, FunctionReplacement> _replacements = [];

    PackBinder(KernelImage image) => _image = image;

    /// <summary>Replacements by the address of the function's first instruction.</summary>
    /// <exception cref="ShimPackException">The pack is refused, or names a function that the image does not have once.</exception>
    public static IReadOnlyDictionary<ulong, FunctionReplacement> Bind(ShimPack pack, KernelImage image)
    {
        // By itself first: what is wrong in the user's files is said before anything about an image.
        if (ShimCompiler.Compile("Pack", pack.Files) is { IsGood: false } refused)
        {
            throw new ShimPackException(pack.Locate(refused.Diagnostics));
        }

        var binder = new PackBinder(image);
        CSharpCompilation compilation = ShimCompiler.CompilationOf("Pack", pack.Files);
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            SemanticModel model = compilation.GetSemanticModel(tree);
            foreach (MethodDeclarationSyntax method in tree.GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>())
            {
                if (model.GetDeclaredSymbol(method) is IMethodSymbol symbol)
                {
                    binder.Bind(symbol);
                }
            }
        }

        return binder._diagnostics.Count != 0 ? throw new ShimPackException(pack.Locate(binder._diagnostics))
            : binder._replacements.Count != 0 ? binder._replacements
            : throw new ShimPackException($"{pack.Directory}: no method has [ReplacesFunction]: the pack replaces nothing");
    }

    void Bind(IMethodSymbol method)
    {
        foreach (AttributeData attribute in method.GetAttributes().Where(a => a.AttributeClass?.Name == nameof(ReplacesFunctionAttribute)))
        {
            Location place = attribute.ApplicationSyntaxReference!.GetSyntax().GetLocation();
            object? named = attribute.ConstructorArguments is [{ Value: object value }] ? value : null;
            if (TryFind(named, out ulong address, out string obstacle)
                && _replacements.TryAdd(address, new FunctionReplacement(ResultOf(method), method.ToDisplayString(QualifiedName))))
            {
                continue;
            }

            string why = obstacle.Length != 0 ? obstacle : $"0x{address:x8} is replaced by '{_replacements[address].Method}' already";
            _diagnostics.Add(ShimDiagnostic.At("SHIM008", place, $"'{method.Name}': {why}"));
        }
    }

    static SymbolDisplayFormat QualifiedName { get; } = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces,
        memberOptions: SymbolDisplayMemberOptions.IncludeContainingType);

    static ReplacementResult ResultOf(IMethodSymbol method) => method.ReturnType.SpecialType switch
    {
        SpecialType.System_Boolean => ReplacementResult.Bool,
        SpecialType.System_UInt32 => ReplacementResult.Uint,
        _ => ReplacementResult.Void,
    };

    bool TryFind(object? named, out ulong address, out string obstacle)
    {
        (address, obstacle) = (named as uint? ?? 0, "");
        if (named is string symbol)
        {
            ulong[] found = [.. _image.Symbols.Where(s => s.Name == symbol).Select(s => s.Address).Distinct()];
            if (found.Length != 1)
            {
                obstacle = found.Length == 0 ? $"the image has no symbol '{symbol}'"
                    : $"'{symbol}' is at {found.Length} addresses ({string.Join(", ", found.Take(4).Select(a => $"0x{a:x8}"))}): name one of them";
                return false;
            }

            address = found[0];
        }

        obstacle = _image.SectionAt(address) is { IsExecutable: true } ? "" : $"0x{address:x8} is not in the image's code";
        return obstacle.Length == 0;
    }
}
