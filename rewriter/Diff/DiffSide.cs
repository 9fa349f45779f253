using System.Text.RegularExpressions;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;

namespace Rewriter.Diff;

/// <summary>A site as it is compared.</summary>
/// <param name="Tactic">Null where the image was not rewritten.</param>
/// <param name="Shim">Guest-side shim, and the C# of the host's side without addresses that move whenever a kernel is linked: the site's and
/// that of a static operand; null as above.</param>
public sealed record DiffSite(ScanRow Row, string? Tactic, string? Shim)
{
    public string Describe() => Tactic is null ? Row.Class : Shim is { Length: > 0 } ? $"{Tactic}, {Shim}" : Tactic;
}

/// <summary>One of the two images.</summary>
public sealed partial record DiffSide(string Name, IReadOnlyList<DiffSite> Sites)
{
    /// <summary>Reads an image, rewritten or not.</summary>
    /// <exception cref="BadImageException">Malformed.</exception>
    public static DiffSide Read(string name, ReadOnlyMemory<byte> file)
    {
        if (!RewrittenImage.TryOpen(name, file, out KernelImage original, out PatchPlan plan, out Manifest manifest))
        {
            return Of(name, ScanReport.Of(Scanner.Scan(KernelImage.Load(name, file))));
        }

        AuditReport report = AuditReport.Of(original, plan, manifest);
        return new DiffSide(name, [.. report.Sites.Select(s => new DiffSite(s.Site, s.Tactic, ShimOf(s)))]);
    }

    public static DiffSide Of(string name, ScanReport report) => new(name, [.. report.Sites.Select(row => new DiffSite(row, null, null))]);

    static string ShimOf(AuditSite site)
    {
        int start = site.Method?.IndexOf(") ", StringComparison.Ordinal) ?? -1;
        if (start < 0)
        {
            return site.Shim;
        }

        string body = site.Method![(start + 2)..];
        string operand = StaticOperand().Match(site.Site.Text).Groups[1].Value;
        return $"{site.Shim} {(operand.Length == 0 ? body : body.Replace(operand + "u", "ADDRESS", StringComparison.Ordinal))}";
    }

    // From 64 KiB on a displacement is an address rather than a field's offset.
    [GeneratedRegex(@"\[(?:\w+:)?(?:[^\]]*\+)?(0x[0-9a-f]{5,8})\]")]
    private static partial Regex StaticOperand();
}
