using System.Globalization;
using Microsoft.CodeAnalysis;

namespace Rewriter.Shims;

/// <summary>Why a shim was refused, or what the compiler says of it.</summary>
/// <param name="Id">SHIM001 and up for what a shim may not do; the compiler's own otherwise (CS0103).</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public sealed record ShimDiagnostic(string Id, string File, int Line, int Column, string Message)
{
    internal static ShimDiagnostic Of(Diagnostic diagnostic) =>
        At(diagnostic.Id, diagnostic.Location, diagnostic.GetMessage(CultureInfo.InvariantCulture));

    /// <summary>At a place in the source.</summary>
    internal static ShimDiagnostic At(string id, Location place, string message)
    {
        FileLinePositionSpan span = place.GetLineSpan();
        return new ShimDiagnostic(id, span.Path, span.StartLinePosition.Line + 1, span.StartLinePosition.Character + 1, message);
    }

    /// <summary>The text is no C#, or names what does not exist; nothing is said about what shims may do.</summary>
    public bool IsFromCompiler => Id.StartsWith("CS", StringComparison.Ordinal);

    /// <summary>As compilers print it, so that editors can jump to the place.</summary>
    public override string ToString() => $"{File}({Line},{Column}): error {Id}: {Message}";
}
