// rewriter scan DIR|FILES...: one worker for each processor, each with an image of its own.
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Scanning;

namespace Rewriter.Commands;

/// <summary>Scans many images and adds up what is in them.</summary>
static class ScanSurvey
{
    /// <summary>Whether a scan of these is a survey rather than a report on one image.</summary>
    public static bool IsAskedFor(FileInfo[] files) => files.Length > 1 || Directory.Exists(files[0].FullName);

    /// <param name="step">Told how far it has come.</param>
    public static SurveyReport Run(FileInfo[] files, Action<string> step)
    {
        List<(string Path, bool IsNamed)> paths = [.. files.SelectMany(Expand)];
        var results = new Result[paths.Count];
        int done = 0;
        Parallel.For(0, paths.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            results[i] = Scan(paths[i].Path, paths[i].IsNamed);
            int count = Interlocked.Increment(ref done);
            if (count % 64 == 0)
            {
                step($"scanned {count} of {paths.Count} files");
            }
        });

        return new SurveyReport(
            [.. results.Select(r => r.Row).OfType<SurveyRow>()],
            [.. results.Select(r => r.Failure).OfType<SurveyFailure>()],
            results.Count(r => r.Row is null && r.Failure is null),
            Merge(results.SelectMany(r => r.ByMnemonic)));
    }

    readonly record struct Result(SurveyRow? Row, SurveyFailure? Failure, IReadOnlyList<SiteTotal> ByMnemonic);

    /// <summary>The files of a directory, or what was named.</summary>
    /// <exception cref="BadImageException">A directory that cannot be read.</exception>
    public static IEnumerable<(string Path, bool IsNamed)> Expand(FileInfo file)
    {
        string path = file.ToString();
        if (!Directory.Exists(path))
        {
            return [(path, true)];
        }

        try
        {
            // Links could lead round in circles; pipes and devices, which have no length, would keep a reader waiting.
            var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
            return [.. Directory.EnumerateFiles(path, "*", options).Where(found => new FileInfo(found).Length != 0).Order(StringComparer.Ordinal)
                .Select(found => (found, false))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadImageException($"{path}: cannot be read: {error.Message.TrimEnd('.')}");
        }
    }

    // What a directory holds beside images is passed over; what was named must be one.
    static Result Scan(string path, bool isNamed)
    {
        try
        {
            byte[] bytes = KernelImage.ReadFile(path);
            if (!isNamed && !KernelImage.IsRecognised(bytes))
            {
                return new Result(null, null, []);
            }

            ScanResult scan = Scanner.Scan(RewrittenOrPlain.Load(Path.GetFileName(path), bytes), workers: 1);
            return new Result(SurveyRow.Of(path, scan), null, SiteTotals.ByMnemonic(scan.Sites));
        }
        catch (BadImageException error)
        {
            return new Result(null, new SurveyFailure(path, error.Message), []);
        }
    }

    static List<SiteTotal> Merge(IEnumerable<SiteTotal> totals) =>
        [.. totals.GroupBy(t => t.Name)
            .Select(g => new SiteTotal(g.Key, g.Sum(t => t.High), g.Sum(t => t.Medium), g.Sum(t => t.Low)))
            .OrderByDescending(t => t.All).ThenBy(t => t.Name, StringComparer.Ordinal)];
}
