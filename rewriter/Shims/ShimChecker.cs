// Walks the source of shims and refuses every construct and every name that is not on the list.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Rewriter.Shims;

/// <summary>Checks one file. Two lists, both of what is permitted: kinds of syntax, so that nothing is called without being named
/// (using, foreach, await, interpolation …), and symbols.</summary>
internal sealed class ShimChecker(SemanticModel model, ShimCallGraph graph, List<ShimDiagnostic> diagnostics) : CSharpSyntaxWalker
{

    // Methods and attributes of one class with the same text bind to the same symbols: generated shims repeat a few hundred bodies
    // thousands of times.
    private readonly HashSet<(SyntaxNode? Owner, string Text)> _checkedTexts = [];

    public override void Visit(SyntaxNode? node)
    {
        if (node is null)
            return;

        // Attribute arguments are constants that only the compiler and the loader read.
        if (node is AttributeArgumentSyntax)
            return;

        if (!PermittedSyntax.Contains(node.Kind()))
        {
            Report("SHIM002", node,
                $"{Describe(node.Kind())} is not permitted in a shim: write static methods with arithmetic and calls on IShimContext");
            return;
        }

        if (IsRepeated(node))
            return;

        switch (node)
        {
            case UsingDirectiveSyntax:
                return; // names a namespace or type; its use is what counts
            case FieldDeclarationSyntax field when !field.Modifiers.Any(SyntaxKind.ConstKeyword):
                Report("SHIM003", node,
                    "a field that is not const is not permitted in a shim: keep state in guest memory with IShimContext.WriteMemory");
                break;
            case ClassDeclarationSyntax type when !type.Modifiers.Any(SyntaxKind.StaticKeyword):
                Report("SHIM004", node, $"class '{type.Identifier.Text}' is not static: a shim has no objects");
                break;
            case MemberDeclarationSyntax member when member.Modifiers.Any(PermittedSyntax.IsRefused):
                Report("SHIM005", node,
                    "extern, unsafe and async are not permitted in a shim: use IShimContext.Emulate for what has no member");
                break;
            case NameSyntax and not QualifiedNameSyntax or PredefinedTypeSyntax:
                CheckSymbol(node);
                break;
            case InvocationExpressionSyntax or CastExpressionSyntax or BinaryExpressionSyntax:
            case PrefixUnaryExpressionSyntax or AssignmentExpressionSyntax:
                CheckSymbol(node);
                break;
        }

        base.Visit(node);
    }

    private bool IsRepeated(SyntaxNode node) => node switch
    {
        ArrowExpressionClauseSyntax { Parent: MethodDeclarationSyntax method } body =>
            CallsParametersOnly(method, body)
            && !_checkedTexts.Add((method.Parent, $"{method.TypeParameterList}{method.ParameterList}{body}")),
        AttributeListSyntax { Parent: MethodDeclarationSyntax method } list =>
            list.Attributes.Count == 1 && !_checkedTexts.Add((method.Parent, $"[{list.Target}{list.Attributes[0].Name}]")),
        ParameterListSyntax { Parent: MethodDeclarationSyntax method } list => !_checkedTexts.Add((method.Parent, list.ToString())),
        PredefinedTypeSyntax { Parent: MethodDeclarationSyntax method } type => !_checkedTexts.Add((method.Parent, type.ToString())),
        _ => false,
    };

    // A body that calls other shims is another edge of the call graph, however often it repeats.
    private static bool CallsParametersOnly(MethodDeclarationSyntax method, ArrowExpressionClauseSyntax body) =>
        body.DescendantNodes().OfType<InvocationExpressionSyntax>().All(call =>
            call.Expression is MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax receiver }
            && method.ParameterList.Parameters.Any(parameter => parameter.Identifier.ValueText == receiver.Identifier.ValueText));

    private void CheckSymbol(SyntaxNode node)
    {
        ISymbol? symbol = model.GetSymbolInfo(node).Symbol;
        if (symbol is IAliasSymbol alias)
            symbol = alias.Target;
        if (symbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor)
            symbol = constructor.ContainingType;
        if (node is InvocationExpressionSyntax && symbol is { DeclaringSyntaxReferences.Length: > 0 }
            && model.GetEnclosingSymbol(node.SpanStart) is ISymbol caller)
            graph.Add(caller, symbol, node.GetLocation());
        if (symbol is not null && !PermittedApi.IsPermitted(symbol))
            Report("SHIM001", node, PermittedApi.Refusal(symbol));
        else if (node is ExpressionSyntax && model.GetTypeInfo(node).Type is { TypeKind: not TypeKind.Error } type
            && !PermittedApi.IsPermittedType(type))
            Report("SHIM001", node, PermittedApi.Refusal(type));
    }

    private static string Describe(SyntaxKind kind) => kind.ToString() switch
    {
        var name when name.EndsWith("Expression", StringComparison.Ordinal) => $"'{name[..^10]}' as an expression",
        var name => $"'{name}'",
    };

    private void Report(string id, SyntaxNode node, string message)
    {
        ShimDiagnostic diagnostic = ShimDiagnostic.At(id, node.GetLocation(), message);
        // A refused name inside a refused call is one finding.
        ShimDiagnostic? last = diagnostics.LastOrDefault();
        if ((last?.File, last?.Line, last?.Message) != (diagnostic.File, diagnostic.Line, message))
            diagnostics.Add(diagnostic);
    }
}
