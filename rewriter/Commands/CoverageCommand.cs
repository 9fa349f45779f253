// rewriter coverage: what rewriting would do to many images, so that a distribution's modules can be judged at once.
using System.CommandLine;
using System.Diagnostics;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Verification;
using Runtime.Abi;

namespace Rewriter.Commands;

/// <summary>rewriter coverage IMAGE... [--verify]</summary>
static class CoverageCommand
{
    public static Command Create()
    {
        Argument<FileInfo[]> images = ImagesArgument.Create("Kernel images and modules, or directories of them");
        Option<ExecutionMode> mode = ModeOption.Create(required: false);
        var verify = new Option<bool>("--verify") { Description = "Rewrite each image in memory and verify what comes out", Arity = ArgumentArity.Zero };
        Option<ReportFormat?> format = ReportOptions.TextOrJson();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        var command = new ExampleCommand(
            "coverage",
            $"Count how the sites of many images would be taken over; nothing is written. Status {ExitStatus.Incomplete} when a site that fails "
                + $"silently had to be left, {ExitStatus.NotVerified} when an image did not pass verification.",
            "rewriter coverage vmlinuz-6.1.0-50-686",
            "rewriter coverage --verify /lib/modules/6.1.0-50-686")
        {
            images,
            mode,
            verify,
            format,
            output,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(images)[0], () =>
        {
            FileInfo[] named = parsed.GetRequiredValue(images);
            CoverageReport report = Progress.Run("planning", step => Run(named, parsed.GetValue(mode), parsed.GetValue(verify), step));
            var target = new Output(parsed.GetValue(output));
            if (ReportOptions.FormatFor(parsed, format, output) == ReportFormat.Json)
            {
                target.WriteStream(stream => JsonReport.Write(stream, report));
            }
            else
            {
                target.WriteText(text => text.Write(report));
            }

            return report.Verified is int verified && verified + report.Refused != report.Images.Count ? ExitStatus.NotVerified
                : report.SilentLeft != 0 ? ExitStatus.Incomplete : ExitStatus.Good;
        }));
        return command;
    }

    static CoverageReport Run(FileInfo[] named, ExecutionMode mode, bool verifies, Action<string> step)
    {
        var watch = Stopwatch.StartNew();
        List<(string Path, bool IsNamed)> paths = [.. named.SelectMany(ScanSurvey.Expand)];
        var rows = new CoverageRow?[paths.Count];
        int done = 0;
        Parallel.For(0, paths.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            rows[i] = Look(paths[i].Path, paths[i].IsNamed, mode, verifies);
            int count = Interlocked.Increment(ref done);
            if (count % 16 == 0)
            {
                step($"{count} of {paths.Count} files");
            }
        });
        CoverageRow[] images = [.. rows.OfType<CoverageRow>()];
        int? verified = verifies ? images.Count(i => i.Refused is null && i.Violations.Count == 0) : null;
        return new CoverageReport(mode.ToString().ToLowerInvariant(), images, verified, watch.Elapsed.TotalSeconds);
    }

    /// <summary>Null for a file that a directory holds beside images.</summary>
    static CoverageRow? Look(string path, bool isNamed, ExecutionMode mode, bool verifies)
    {
        try
        {
            byte[] bytes = KernelImage.ReadFile(path);
            if (!isNamed && !KernelImage.IsRecognised(bytes))
            {
                return null;
            }

            string name = Path.GetFileName(path);
            if (!verifies)
            {
                return CoverageRow.Of(path, RewritePipeline.Plan(KernelImage.Load(name, bytes), mode).Plan, []);
            }

            Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load(name, bytes), mode);
            return CoverageRow.Of(path, rewriting.Plan, Verify(name, rewriting.File, bytes));
        }
        catch (BadImageException error)
        {
            return new CoverageRow(path, [], error.Message, []);
        }
    }

    static IReadOnlyList<string> Verify(string name, byte[] file, byte[] original)
    {
        try
        {
            return [.. ImageVerifier.Verify(name, file, original).Violations.Select(v => $"{v.Check}: {v.Place}: {v.What}")];
        }
        catch (BadImageException damaged)
        {
            return [damaged.Message];
        }
    }
}
