// Walks the source of shims and refuses every construct and every name that is not on the list.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Rewriter.Shims;

/// <summary>Checks one file. Two lists, both of what is permitted: kinds of syntax, so that nothing is called without being named
/// (using, foreach, await, interpolation …), and symbols.</summary>
internal sealed class ShimChecker(SemanticModel model, List<ShimDiagnostic> diagnostics) : CSharpSyntaxWalker
{
    private static readonly HashSet<SyntaxKind> PermittedKinds =
    [
        // Declarations.
        SyntaxKind.CompilationUnit, SyntaxKind.UsingDirective, SyntaxKind.NamespaceDeclaration, SyntaxKind.FileScopedNamespaceDeclaration,
        SyntaxKind.ClassDeclaration, SyntaxKind.EnumDeclaration, SyntaxKind.EnumMemberDeclaration, SyntaxKind.BaseList, SyntaxKind.SimpleBaseType,
        SyntaxKind.MethodDeclaration, SyntaxKind.LocalFunctionStatement, SyntaxKind.ParameterList, SyntaxKind.Parameter, SyntaxKind.FieldDeclaration,
        SyntaxKind.VariableDeclaration, SyntaxKind.VariableDeclarator, SyntaxKind.EqualsValueClause, SyntaxKind.ArrowExpressionClause,
        SyntaxKind.AttributeList, SyntaxKind.Attribute, SyntaxKind.AttributeArgumentList, SyntaxKind.AttributeArgument,

        // Statements.
        SyntaxKind.Block, SyntaxKind.ExpressionStatement, SyntaxKind.LocalDeclarationStatement, SyntaxKind.ReturnStatement, SyntaxKind.EmptyStatement,
        SyntaxKind.IfStatement, SyntaxKind.ElseClause, SyntaxKind.ForStatement, SyntaxKind.WhileStatement, SyntaxKind.DoStatement,
        SyntaxKind.BreakStatement, SyntaxKind.ContinueStatement, SyntaxKind.SwitchStatement, SyntaxKind.SwitchSection,
        SyntaxKind.CaseSwitchLabel, SyntaxKind.DefaultSwitchLabel,

        // Names and types.
        SyntaxKind.IdentifierName, SyntaxKind.QualifiedName, SyntaxKind.PredefinedType, SyntaxKind.NameEquals, SyntaxKind.NameColon,
        SyntaxKind.AliasQualifiedName,

        // Expressions.
        SyntaxKind.InvocationExpression, SyntaxKind.ArgumentList, SyntaxKind.Argument, SyntaxKind.SimpleMemberAccessExpression, SyntaxKind.ParenthesizedExpression,
        SyntaxKind.CastExpression, SyntaxKind.ConditionalExpression, SyntaxKind.NumericLiteralExpression, SyntaxKind.TrueLiteralExpression, SyntaxKind.FalseLiteralExpression,
        SyntaxKind.CharacterLiteralExpression, SyntaxKind.CheckedExpression, SyntaxKind.UncheckedExpression,
        SyntaxKind.SimpleAssignmentExpression, SyntaxKind.AddAssignmentExpression, SyntaxKind.SubtractAssignmentExpression, SyntaxKind.MultiplyAssignmentExpression,
        SyntaxKind.DivideAssignmentExpression, SyntaxKind.ModuloAssignmentExpression, SyntaxKind.AndAssignmentExpression, SyntaxKind.OrAssignmentExpression,
        SyntaxKind.ExclusiveOrAssignmentExpression, SyntaxKind.LeftShiftAssignmentExpression, SyntaxKind.RightShiftAssignmentExpression,
        SyntaxKind.AddExpression, SyntaxKind.SubtractExpression, SyntaxKind.MultiplyExpression, SyntaxKind.DivideExpression, SyntaxKind.ModuloExpression,
        SyntaxKind.LeftShiftExpression, SyntaxKind.RightShiftExpression, SyntaxKind.UnsignedRightShiftExpression, SyntaxKind.BitwiseAndExpression,
        SyntaxKind.BitwiseOrExpression, SyntaxKind.ExclusiveOrExpression, SyntaxKind.LogicalAndExpression, SyntaxKind.LogicalOrExpression,
        SyntaxKind.EqualsExpression, SyntaxKind.NotEqualsExpression, SyntaxKind.LessThanExpression, SyntaxKind.LessThanOrEqualExpression,
        SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanOrEqualExpression, SyntaxKind.UnaryMinusExpression, SyntaxKind.UnaryPlusExpression,
        SyntaxKind.BitwiseNotExpression, SyntaxKind.LogicalNotExpression, SyntaxKind.PreIncrementExpression, SyntaxKind.PreDecrementExpression,
        SyntaxKind.PostIncrementExpression, SyntaxKind.PostDecrementExpression,
    ];

    // Methods and attributes of one class with the same text bind to the same symbols: generated shims repeat a few hundred bodies thousands of times.
    private readonly HashSet<(SyntaxNode? Owner, string Text)> checkedTexts = [];

    public override void Visit(SyntaxNode? node)
    {
        if (node is null)
            return;

        // Attribute arguments are constants that only the compiler and the loader read.
        if (node is AttributeArgumentSyntax)
            return;

        if (!PermittedKinds.Contains(node.Kind()))
        {
            Report("SHIM002", node, $"{Describe(node.Kind())} is not permitted in a shim: write static methods with arithmetic and calls on IShimContext");
            return;
        }

        if (IsRepeated(node))
            return;

        switch (node)
        {
            case UsingDirectiveSyntax:
                return; // names a namespace or type; its use is what counts
            case FieldDeclarationSyntax field when !field.Modifiers.Any(SyntaxKind.ConstKeyword):
                Report("SHIM003", node, "a field that is not const is not permitted in a shim: keep state in guest memory with IShimContext.WriteMemory");
                break;
            case ClassDeclarationSyntax type when !type.Modifiers.Any(SyntaxKind.StaticKeyword):
                Report("SHIM004", node, $"class '{type.Identifier.Text}' is not static: a shim has no objects");
                break;
            case MemberDeclarationSyntax member when member.Modifiers.Any(token => token.IsKind(SyntaxKind.ExternKeyword) || token.IsKind(SyntaxKind.UnsafeKeyword) || token.IsKind(SyntaxKind.AsyncKeyword)):
                Report("SHIM005", node, "extern, unsafe and async are not permitted in a shim: use IShimContext.Emulate for what has no member");
                break;
            case NameSyntax and not QualifiedNameSyntax or PredefinedTypeSyntax:
                CheckSymbol(node);
                break;
            case InvocationExpressionSyntax or CastExpressionSyntax or BinaryExpressionSyntax or PrefixUnaryExpressionSyntax or AssignmentExpressionSyntax:
                CheckSymbol(node);
                break;
        }

        base.Visit(node);
    }

    private bool IsRepeated(SyntaxNode node) => node switch
    {
        ArrowExpressionClauseSyntax { Parent: MethodDeclarationSyntax method } body =>
            !checkedTexts.Add((method.Parent, $"{method.TypeParameterList}{method.ParameterList}{body}")),
        AttributeListSyntax { Parent: MethodDeclarationSyntax method } list =>
            list.Attributes.Count == 1 && !checkedTexts.Add((method.Parent, $"[{list.Target}{list.Attributes[0].Name}]")),
        ParameterListSyntax { Parent: MethodDeclarationSyntax method } list => !checkedTexts.Add((method.Parent, list.ToString())),
        PredefinedTypeSyntax { Parent: MethodDeclarationSyntax method } type => !checkedTexts.Add((method.Parent, type.ToString())),
        _ => false,
    };

    private void CheckSymbol(SyntaxNode node)
    {
        ISymbol? symbol = model.GetSymbolInfo(node).Symbol;
        if (symbol is IAliasSymbol alias)
            symbol = alias.Target;
        if (symbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor)
            symbol = constructor.ContainingType;
        if (symbol is not null && !PermittedApi.IsPermitted(symbol))
            Report("SHIM001", node, PermittedApi.Refusal(symbol));
        else if (node is ExpressionSyntax && model.GetTypeInfo(node).Type is { TypeKind: not TypeKind.Error } type && !PermittedApi.IsPermittedType(type))
            Report("SHIM001", node, PermittedApi.Refusal(type));
    }

    private static string Describe(SyntaxKind kind) => kind.ToString() switch
    {
        var name when name.EndsWith("Expression", StringComparison.Ordinal) => $"'{name[..^10]}' as an expression",
        var name => $"'{name}'",
    };

    private void Report(string id, SyntaxNode node, string message)
    {
        FileLinePositionSpan span = node.GetLocation().GetLineSpan();
        var diagnostic = new ShimDiagnostic(id, span.Path, span.StartLinePosition.Line + 1, span.StartLinePosition.Character + 1, message);
        // A refused name inside a refused call is one finding.
        if (diagnostics.Count == 0 || diagnostics[^1] is var last && (last.File, last.Line, last.Message) != (diagnostic.File, diagnostic.Line, message))
            diagnostics.Add(diagnostic);
    }
}
