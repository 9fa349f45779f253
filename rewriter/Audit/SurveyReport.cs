// What `rewriter scan` says of many images at once: a line for each instead of a line for each site.
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>An image in a survey.</summary>
/// <param name="Path">As it was named or found.</param>
public sealed record SurveyRow(string Path, string Format, int Bitness, long CodeBytes, int Silent, int Trapping, int Leaking, int Unproven)
{
    /// <summary>Proven sites.</summary>
    public int Sites => Silent + Trapping + Leaking;

    public static SurveyRow Of(string path, ScanResult scan)
    {
        ImageSummary image = ImageSummary.Of(scan.Image);
        return new SurveyRow(path, image.Format, image.Bitness, image.CodeBytes, Count(SensitivityClass.Silent), Count(SensitivityClass.Trapping),
            Count(SensitivityClass.Leaking), scan.Sites.Count(s => s.Confidence == SiteConfidence.Low));

        int Count(SensitivityClass wanted) => scan.Sites.Count(s => s.Class == wanted && s.Confidence != SiteConfidence.Low);
    }
}

/// <summary>A file that claims to be an image and is none.</summary>
public sealed record SurveyFailure(string Path, string What);

/// <summary>Many images.</summary>
/// <param name="Images">In the order they were named, those of a directory by path.</param>
/// <param name="OtherFiles">Files in directories that do not even claim to be an image.</param>
public sealed record SurveyReport(
    IReadOnlyList<SurveyRow> Images, IReadOnlyList<SurveyFailure> Failures, int OtherFiles, IReadOnlyList<SiteTotal> ByMnemonic)
{
    public long CodeBytes => Images.Sum(i => i.CodeBytes);
    public int Silent => Images.Sum(i => i.Silent);
    public int Trapping => Images.Sum(i => i.Trapping);
    public int Leaking => Images.Sum(i => i.Leaking);
    public int Unproven => Images.Sum(i => i.Unproven);
}
