// What a shim may name. Everything else is refused, with a hint at what to use instead.
using Microsoft.CodeAnalysis;

namespace Rewriter.ShimAnalyzer;

/// <summary>The permitted symbols: IShimContext and its companions, integers and bool, and what the shims' own source declares.</summary>
internal static class PermittedApi
{
    private const string ShimNamespace = "Runtime.Abi.Shims";

    private static readonly (string Prefix, string Instead)[] Hints =
    [
        ("System.IO", "a shim has no files: reach devices through IShimContext.In and Out"),
        ("System.Net", "a shim has no network: reach devices through IShimContext.In and Out"),
        ("System.Console", "a shim has no console: write to the guest's UART with IShimContext.Out"),
        ("System.Reflection", "a shim cannot look at types: call IShimContext's members directly"),
        ("object.GetType", "a shim cannot look at types: call IShimContext's members directly"),
        ("System.Type", "a shim cannot look at types: call IShimContext's members directly"),
        ("System.Activator", "a shim cannot make objects: keep state in guest memory with IShimContext.WriteMemory"),
        ("System.Threading", "a shim runs on its virtual CPU and does not wait: use IShimContext.Halt"),
        ("System.Diagnostics", "a shim has no processes or clocks: use IShimContext.ReadTimeStamp"),
        ("System.DateTime", "a shim has no host clock: use IShimContext.ReadTimeStamp"),
        ("System.Environment", "a shim does not see the host: use IShimContext"),
        ("System.Random", "a shim is deterministic: take input from the guest through IShimContext"),
        ("System.Runtime.InteropServices", "a shim calls no native code: use IShimContext.Emulate for what has no member"),
        ("System.Runtime.CompilerServices", "a shim has no access below the type system: use IShimContext.ReadMemory and WriteMemory"),
        ("System.String", "a shim works on integers and guest memory only"),
        ("System.Exception", "a shim throws nothing: IShimContext notes guest faults by itself"),
    ];

    public static bool IsPermitted(ISymbol symbol) => symbol switch
    {
        INamespaceSymbol or ILocalSymbol or IParameterSymbol or ILabelSymbol or IDiscardSymbol => true,
        ITypeSymbol type => IsPermittedType(type),
        IMethodSymbol { MethodKind: MethodKind.BuiltinOperator } => true,
        IFieldSymbol { IsConst: true } field => IsPermittedType(field.ContainingType),
        IMethodSymbol { IsExtern: true } => false,
        _ => symbol.ContainingType is INamedTypeSymbol owner && (IsInSource(owner) || IsShimType(owner)),
    };

    public static bool IsPermittedType(ITypeSymbol type) => type.SpecialType switch
    {
        SpecialType.System_Void or SpecialType.System_Boolean or SpecialType.System_Byte or SpecialType.System_SByte => true,
        SpecialType.System_Int16 or SpecialType.System_UInt16 or SpecialType.System_Int32 or SpecialType.System_UInt32 => true,
        SpecialType.System_Int64 or SpecialType.System_UInt64 => true,
        _ => type is INamedTypeSymbol named && (IsInSource(named) || IsShimType(named)),
    };

    /// <summary>Why a symbol is refused and what to use instead.</summary>
    public static string Refusal(ISymbol symbol)
    {
        string name = symbol.ToDisplayString();
        string owner = symbol.ContainingType?.ToDisplayString() ?? "";
        if ((Instead(name) ?? Instead(owner)) is string instead)
            return $"'{name}' is not permitted in a shim: {instead}";

        return symbol is ITypeSymbol { SpecialType: SpecialType.System_String }
            ? "strings are not permitted in a shim: it works on integers and guest memory only"
            : $"'{name}' is not permitted in a shim: use IShimContext, integers and bool";
    }

    /// <summary>Why a name is refused that nothing is known of, because what declares it is not even referenced; null if that is no more
    /// than a mistake.</summary>
    public static string? RefusalOfUnknown(string name) =>
        Instead(name) is string instead ? $"'{name}' is not permitted in a shim: {instead}" : null;

    private static string? Instead(string name)
    {
        foreach ((string prefix, string instead) in Hints)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                return instead;
        }

        return null;
    }

    private static bool IsInSource(INamedTypeSymbol type) => type.DeclaringSyntaxReferences.Length > 0;

    private static bool IsShimType(INamedTypeSymbol type) => type.ContainingNamespace?.ToDisplayString() == ShimNamespace;
}
