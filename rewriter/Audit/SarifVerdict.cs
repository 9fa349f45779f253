namespace Rewriter.Audit;

/// <summary>How a site counts in SARIF (3.27.9, 3.27.10): a level other than "none" goes with the kind "fail" alone.</summary>
readonly record struct SarifVerdict(string Kind, string Level, string Text)
{
    /// <summary>A site of an image that nothing was done to.</summary>
    public static SarifVerdict Of(ScanRow row) => row.Confidence == "low"
        ? new("review", "none", $"{row.Class}, but not proven to be code")
        : new("fail", LevelOf(row.Class), $"{row.Class}, confidence {row.Confidence}");

    /// <summary>A site of a rewritten image: handled, open, or to be looked at.</summary>
    public static SarifVerdict Of(AuditSite site)
    {
        string text = $"{site.Tactic}{(site.Shim.Length == 0 ? "" : $", shim {site.Shim}")}{(site.Reason is null ? "" : $" ({site.Reason})")}";
        if (site.Tactic != "leave")
        {
            return new("pass", "none", text);
        }

        (string level, string risk) = ResidualRisks.Of(site.Site.Class, site.Site.Confidence, site.Tactic, site.Reason).First();
        return level switch
        {
            ResidualRisks.Error => new("fail", "error", risk),
            _ when site.Site.Confidence == "low" => new("review", "none", risk),
            ResidualRisks.Warning => new("fail", "warning", risk),
            _ => new("informational", "none", risk),
        };
    }

    public static string LevelOf(string sensitivity) => sensitivity switch
    {
        "silent" => "error",
        "leaking" => "warning",
        _ => "note",
    };
}
