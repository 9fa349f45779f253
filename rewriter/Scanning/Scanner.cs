// From an image to its code map and sensitive sites. Order: tables, sweep of every executable section, descent, confidence.
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Finds the code of an image and the sensitive instructions in it. Deterministic: the number of workers changes nothing but time.</summary>
public static class Scanner
{
    /// <param name="workers">Threads to decode with; 0 for as many as there are processors.</param>
    public static ScanResult Scan(KernelImage image, int workers = 0) => throw new NotImplementedException();
}
