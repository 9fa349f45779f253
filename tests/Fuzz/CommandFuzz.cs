// What every command does with a file, without its process: whatever is in it, the end is a result or one line, soon and in bounded memory.
using System.Diagnostics;
using System.Text;
using Rewriter;
using Rewriter.Audit;
using Rewriter.Commands;
using Rewriter.Diff;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Verification;
using Runtime.Abi;
using Xunit;

namespace Tests.Fuzz;

/// <summary>Runs one file through scan, rewrite, audit, verify, diff and restore.</summary>
internal static class CommandFuzz
{
    /// <summary>For one command on one small file, on a busy machine.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>What one command may allocate on top of what it takes to read the file at all; most of it is garbage at once.</summary>
    private const long AllocationLimit = 3L << 30;

    /// <param name="compiles">Whether rewriting and verifying compile shims, which takes most of the time.</param>
    public static void Run(string what, byte[] file, byte[] other, bool compiles)
    {
        Step(what, "scan", () => Write(ScanReport.Of(Scanner.Scan(RewrittenOrPlain.Load(what, file), 1))));
        Step(what, "rewrite", () => Rewrite(file, compiles));
        Step(what, "audit", () =>
        {
            if (RewrittenImage.TryOpen(what, file, out KernelImage original, out PatchPlan plan, out Manifest manifest))
            {
                Write(AuditReport.Of(original, plan, manifest));
            }
        });
        Step(what, "verify", () =>
        {
            if (RewrittenImage.TryOpen(what, file, out KernelImage original, out PatchPlan plan, out Manifest manifest))
            {
                ImageVerifier.Verify(what, new VerifiedImage(original, plan, manifest, file), compiles);
            }
        });
        Step(what, "diff", () => ImageDiff.Between(DiffSide.Read("old", other), DiffSide.Read("new", file)));
        Step(what, "restore", () => RewrittenImage.Restore(file));
    }

    private static void Rewrite(byte[] file, bool compiles)
    {
        if (RewrittenImage.IsRewritten(file))
        {
            return;
        }

        KernelImage image = KernelImage.Load("x", file);
        if (!compiles)
        {
            RewritePipeline.Plan(image, ExecutionMode.Para);
            return;
        }

        // What can be rewritten can be restored, and verified but for one thing: a damaged symbol may call data code, which the scanner knows
        // better and the verifier's descent does not.
        byte[] rewritten = RewritePipeline.Rewrite(image, ExecutionMode.Para).File;
        VerificationReport report = ImageVerifier.Verify("x", rewritten, file);
        Assert.DoesNotContain(report.Violations, violation => violation.Check != "listing");
        Assert.Equal(file, RewrittenImage.Restore(rewritten));
    }

    private static void Step(string what, string command, Action action)
    {
        var watch = Stopwatch.StartNew();
        long before = GC.GetTotalAllocatedBytes();
        try
        {
            action();
        }
        catch (BadImageException error)
        {
            Assert.DoesNotContain('\n', error.Message);
            Assert.NotEmpty(error.Message);
        }
        catch (Exception error) when (error is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"{command} of {what}: {error.GetType().Name}: {error.Message}", error);
        }

        Assert.True(watch.Elapsed < s_limit, $"{command} of {what} took {watch.Elapsed.TotalSeconds:F1} s");
        long allocated = GC.GetTotalAllocatedBytes() - before;
        Assert.True(allocated < AllocationLimit, $"{command} of {what} allocated {allocated >> 20} MiB");
    }

    private static void Write(ScanReport report)
    {
        new TextReport(new StringWriter(new StringBuilder()), null).Write(report);
        SarifReport.Write(new MemoryStream(), report);
        HtmlReport.Write(new MemoryStream(), report);
    }

    private static void Write(AuditReport report)
    {
        new TextReport(new StringWriter(new StringBuilder()), null).Write(report);
        JsonReport.Write(new MemoryStream(), report);
        SarifReport.Write(new MemoryStream(), report);
        HtmlReport.Write(new MemoryStream(), report);
    }
}
