// The check of shims where they are written: in an editor, in a build.
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Rewriter.ShimAnalyzer;

/// <summary>Reports what the rewriter would refuse. Everything in a project that references this is a shim, generated code aside.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ShimDiagnosticAnalyzer : DiagnosticAnalyzer
{
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = ImmutableArray.Create(ShimRules.All);

    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(Start);
    }

    private static void Start(CompilationStartAnalysisContext context)
    {
        var graph = new ShimCallGraph();
        context.RegisterSemanticModelAction(model =>
            new ShimChecker(model.SemanticModel, graph, model.ReportDiagnostic).Visit(model.SemanticModel.SyntaxTree.GetRoot(model.CancellationToken)));
        context.RegisterCompilationEndAction(end =>
        {
            foreach (Diagnostic recursion in graph.Recursions())
            {
                end.ReportDiagnostic(recursion);
            }
        });
    }
}
