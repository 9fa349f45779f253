// Walks the source of shims and refuses every construct and every name that is not on the list.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Rewriter.ShimAnalyzer;

/// <summary>Checks one file. Two lists, both of what is permitted: kinds of syntax, so that nothing is called without being named
/// (using, foreach, await, interpolation …), and symbols.</summary>
internal sealed class ShimChecker(SemanticModel model, ShimCallGraph graph, Action<Diagnostic> report) : CSharpSyntaxWalker
{
    private const string ReplacesFunction = "Runtime.Abi.Shims.ReplacesFunctionAttribute";
    private const string Context = "Runtime.Abi.Shims.IShimContext";

    // Methods and attributes of one class with the same text bind to the same symbols: generated shims repeat a few hundred bodies
    // thousands of times.
    private readonly HashSet<(SyntaxNode? Owner, string Text)> _checkedTexts = [];
    private (int Line, string Message) _last;

    public override void Visit(SyntaxNode? node)
    {
        if (node is null)
            return;

        // Attribute arguments are constants that only the compiler and the loader read.
        if (node is AttributeArgumentSyntax)
            return;

        if (!PermittedSyntax.Contains(node.Kind()))
        {
            Report(ShimRules.Syntax, node,
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
                Report(ShimRules.State, node,
                    "a field that is not const is not permitted in a shim: keep state in guest memory with IShimContext.WriteMemory");
                break;
            case ClassDeclarationSyntax type when !type.Modifiers.Any(SyntaxKind.StaticKeyword):
                Report(ShimRules.Instance, node, $"class '{type.Identifier.Text}' is not static: a shim has no objects");
                break;
            case MemberDeclarationSyntax member when member.Modifiers.Any(PermittedSyntax.IsRefused):
                Report(ShimRules.Modifier, node,
                    "extern, unsafe and async are not permitted in a shim: use IShimContext.Emulate for what has no member");
                break;
            case NameSyntax and not QualifiedNameSyntax or PredefinedTypeSyntax:
                CheckSymbol(node);
                break;
            case InvocationExpressionSyntax call when !CheckSymbol(node):
                Visit(call.ArgumentList); // what is called was refused: its name is the same finding
                return;
            case InvocationExpressionSyntax:
                break;
            case CastExpressionSyntax or BinaryExpressionSyntax:
            case PrefixUnaryExpressionSyntax or AssignmentExpressionSyntax:
                CheckSymbol(node);
                break;
        }

        if (node is MethodDeclarationSyntax { AttributeLists.Count: > 0 } method)
            CheckSignature(method);
        base.Visit(node);
    }

    private void CheckSignature(MethodDeclarationSyntax method)
    {
        if (model.GetDeclaredSymbol(method) is not IMethodSymbol symbol
            || !symbol.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString() == ReplacesFunction))
            return;

        bool takesContext = symbol.Parameters.Length == 1 && symbol.Parameters[0].RefKind == RefKind.None
            && symbol.Parameters[0].Type.ToDisplayString() == Context;
        bool returns = symbol.ReturnType.SpecialType is SpecialType.System_Void or SpecialType.System_UInt32 or SpecialType.System_Boolean;
        bool isReachable = symbol.DeclaredAccessibility is Accessibility.Public or Accessibility.Internal
            && symbol.ContainingType is { DeclaredAccessibility: Accessibility.Public or Accessibility.Internal, ContainingType: null };
        if (!symbol.IsStatic || symbol.IsGenericMethod || symbol.ContainingType.IsGenericType || !takesContext || !returns || !isReachable)
            Report(ShimRules.Signature, method.ReturnType, $"'{symbol.Name}' replaces a guest function: make it a public static method of a "
                + "public static class that takes one IShimContext and returns void, uint (what EAX is to hold) or bool (false: the guest's own "
                + "function runs)");
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

    /// <returns>False when it was refused.</returns>
    private bool CheckSymbol(SyntaxNode node)
    {
        ISymbol? symbol = model.GetSymbolInfo(node).Symbol;
        if (symbol is IAliasSymbol alias)
            symbol = alias.Target;
        if (symbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor)
            symbol = constructor.ContainingType;
        if (node is InvocationExpressionSyntax && symbol is { DeclaringSyntaxReferences.Length: > 0 }
            && model.GetEnclosingSymbol(node.SpanStart) is ISymbol caller)
            graph.Add(caller, symbol, node.GetLocation());
        if (symbol is null && node is InvocationExpressionSyntax unknown && PermittedApi.RefusalOfUnknown(unknown.Expression.ToString()) is string refusal)
        {
            Report(ShimRules.Api, node, refusal);
            return false;
        }

        if (symbol is not null && !PermittedApi.IsPermitted(symbol))
        {
            Report(ShimRules.Api, node, PermittedApi.Refusal(symbol));
            return false;
        }

        if (node is ExpressionSyntax && model.GetTypeInfo(node).Type is { TypeKind: not TypeKind.Error } type
            && !PermittedApi.IsPermittedType(type))
        {
            Report(ShimRules.Api, node, PermittedApi.Refusal(type));
            return false;
        }

        return true;
    }

    private static string Describe(SyntaxKind kind)
    {
        const string suffix = "Expression";
        string name = kind.ToString();
        return name.EndsWith(suffix, StringComparison.Ordinal) ? $"'{name.Substring(0, name.Length - suffix.Length)}' as an expression" : $"'{name}'";
    }

    private void Report(DiagnosticDescriptor rule, SyntaxNode node, string message)
    {
        // A refused name inside a refused call is one finding.
        int line = node.GetLocation().GetLineSpan().StartLinePosition.Line;
        if (_last == (line, message))
            return;
        _last = (line, message);
        report(Diagnostic.Create(rule, node.GetLocation(), message));
    }
}
