// The kinds of syntax that a shim may be written in: a data table.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using static Microsoft.CodeAnalysis.CSharp.SyntaxKind;

namespace Rewriter.ShimAnalyzer;

/// <summary>Static methods, integer expressions, plain statements. What is not here is refused, the constructs of later C# too.</summary>
internal static class PermittedSyntax
{
    private static readonly HashSet<SyntaxKind> Kinds =
    [
        // Declarations.
        CompilationUnit, UsingDirective, NamespaceDeclaration, FileScopedNamespaceDeclaration, ClassDeclaration, EnumDeclaration,
        EnumMemberDeclaration, BaseList, SimpleBaseType, MethodDeclaration, LocalFunctionStatement, ParameterList, Parameter,
        FieldDeclaration, VariableDeclaration, VariableDeclarator, EqualsValueClause, ArrowExpressionClause, AttributeList,
        SyntaxKind.Attribute,
        AttributeArgumentList, AttributeArgument,

        // Statements.
        Block, ExpressionStatement, LocalDeclarationStatement, ReturnStatement, EmptyStatement, IfStatement, ElseClause, ForStatement,
        WhileStatement, DoStatement, BreakStatement, ContinueStatement, SwitchStatement, SwitchSection, CaseSwitchLabel,
        DefaultSwitchLabel,

        // Names and types.
        IdentifierName, QualifiedName, PredefinedType, NameEquals, NameColon, AliasQualifiedName,

        // Expressions.
        InvocationExpression, ArgumentList, Argument, SimpleMemberAccessExpression, ParenthesizedExpression, CastExpression,
        ConditionalExpression, NumericLiteralExpression, TrueLiteralExpression, FalseLiteralExpression, CharacterLiteralExpression,
        CheckedExpression, UncheckedExpression, SimpleAssignmentExpression, AddAssignmentExpression, SubtractAssignmentExpression,
        MultiplyAssignmentExpression, DivideAssignmentExpression, ModuloAssignmentExpression, AndAssignmentExpression,
        OrAssignmentExpression, ExclusiveOrAssignmentExpression, LeftShiftAssignmentExpression, RightShiftAssignmentExpression,
        AddExpression, SubtractExpression, MultiplyExpression, DivideExpression, ModuloExpression, LeftShiftExpression,
        RightShiftExpression, UnsignedRightShiftExpression, BitwiseAndExpression, BitwiseOrExpression, ExclusiveOrExpression,
        LogicalAndExpression, LogicalOrExpression, EqualsExpression, NotEqualsExpression, LessThanExpression, LessThanOrEqualExpression,
        GreaterThanExpression, GreaterThanOrEqualExpression, UnaryMinusExpression, UnaryPlusExpression, BitwiseNotExpression,
        LogicalNotExpression, PreIncrementExpression, PreDecrementExpression, PostIncrementExpression, PostDecrementExpression,
    ];

    public static bool Contains(SyntaxKind kind) => Kinds.Contains(kind);

    /// <summary>Modifiers that no member may carry.</summary>
    public static bool IsRefused(SyntaxToken modifier) =>
        modifier.IsKind(ExternKeyword) || modifier.IsKind(UnsafeKeyword) || modifier.IsKind(AsyncKeyword);
}
