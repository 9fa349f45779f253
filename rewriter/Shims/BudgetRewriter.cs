// Whoever wrote a shim pack, it must not keep the virtual CPU: each loop and each method of one counts against a budget.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace Rewriter.Shims;

/// <summary>Puts <see cref="Runtime.Abi.Shims.ShimBudget"/> into loops and methods. Lines keep their numbers.</summary>
sealed class BudgetRewriter : CSharpSyntaxRewriter
{
    static readonly StatementSyntax _enter = ParseStatement("global::Runtime.Abi.Shims.ShimBudget.Enter();");
    static readonly StatementSyntax _spend = ParseStatement("global::Runtime.Abi.Shims.ShimBudget.Spend();");

    public static SyntaxTree Apply(SyntaxTree tree) =>
        tree.WithRootAndOptions(new BudgetRewriter().Visit(tree.GetRoot()), tree.Options);

    public override SyntaxNode? VisitMethodDeclaration(MethodDeclarationSyntax node)
    {
        var visited = (MethodDeclarationSyntax)base.VisitMethodDeclaration(node)!;
        return visited.ExpressionBody is null ? visited.WithBody(Entered(visited.Body))
            : visited.WithBody(BlockOf(visited.ExpressionBody, visited.ReturnType)).WithExpressionBody(null).WithSemicolonToken(default);
    }

    public override SyntaxNode? VisitLocalFunctionStatement(LocalFunctionStatementSyntax node)
    {
        var visited = (LocalFunctionStatementSyntax)base.VisitLocalFunctionStatement(node)!;
        return visited.ExpressionBody is null ? visited.WithBody(Entered(visited.Body))
            : visited.WithBody(BlockOf(visited.ExpressionBody, visited.ReturnType)).WithExpressionBody(null).WithSemicolonToken(default);
    }

    public override SyntaxNode? VisitWhileStatement(WhileStatementSyntax node)
    {
        var visited = (WhileStatementSyntax)base.VisitWhileStatement(node)!;
        return visited.WithStatement(Counted(visited.Statement));
    }

    public override SyntaxNode? VisitDoStatement(DoStatementSyntax node)
    {
        var visited = (DoStatementSyntax)base.VisitDoStatement(node)!;
        return visited.WithStatement(Counted(visited.Statement));
    }

    public override SyntaxNode? VisitForStatement(ForStatementSyntax node)
    {
        var visited = (ForStatementSyntax)base.VisitForStatement(node)!;
        return visited.WithStatement(Counted(visited.Statement));
    }

    static BlockSyntax Counted(StatementSyntax body) => body is BlockSyntax block
        ? block.WithStatements(block.Statements.Insert(0, _spend))
        : Block(_spend, body);

    static BlockSyntax? Entered(BlockSyntax? body) => body?.WithStatements(body.Statements.Insert(0, _enter));

    static BlockSyntax BlockOf(ArrowExpressionClauseSyntax arrow, TypeSyntax result)
    {
        bool isVoid = result is PredefinedTypeSyntax predefined && predefined.Keyword.IsKind(SyntaxKind.VoidKeyword);
        StatementSyntax statement = isVoid ? ExpressionStatement(arrow.Expression)
            : ReturnStatement(Token(SyntaxKind.ReturnKeyword).WithTrailingTrivia(Space), arrow.Expression, Token(SyntaxKind.SemicolonToken));
        return Block(_enter, statement);
    }
}
