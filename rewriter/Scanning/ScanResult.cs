using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>All that a scan found: the map of the code and every sensitive site in it.</summary>
/// <param name="Sites">By address; those of <see cref="SiteConfidence.Low"/> are not instructions of <paramref name="Map"/>.</param>
public sealed record ScanResult(KernelImage Image, CodeMap Map, IReadOnlyList<SensitiveInstruction> Sites);
