using Microsoft.CodeAnalysis;

namespace Rewriter.ShimAnalyzer;

/// <summary>What a shim may not do. Messages are written where the rule is applied: each says what to use instead.</summary>
internal static class ShimRules
{
    public static readonly DiagnosticDescriptor Api = Rule("SHIM001", "A shim uses IShimContext, integers and bool");
    public static readonly DiagnosticDescriptor Syntax = Rule("SHIM002", "A shim is made of static methods, arithmetic and calls");
    public static readonly DiagnosticDescriptor State = Rule("SHIM003", "A shim keeps its state in guest memory");
    public static readonly DiagnosticDescriptor Instance = Rule("SHIM004", "A shim has no objects");
    public static readonly DiagnosticDescriptor Modifier = Rule("SHIM005", "A shim is neither native, unsafe nor asynchronous");
    public static readonly DiagnosticDescriptor Recursion = Rule("SHIM006", "A shim does not recurse", WellKnownDiagnosticTags.CompilationEnd);
    public static readonly DiagnosticDescriptor Signature = Rule("SHIM007", "A method that replaces a guest function takes the virtual CPU");

    public static readonly DiagnosticDescriptor[] All = [Api, Syntax, State, Instance, Modifier, Recursion, Signature];

    private static DiagnosticDescriptor Rule(string id, string title, params string[] tags) =>
        new(id, title, "{0}", "Shims", DiagnosticSeverity.Error, isEnabledByDefault: true, customTags: tags);
}
