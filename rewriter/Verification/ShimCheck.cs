using Rewriter.Rewritten;
using Rewriter.Shims;

namespace Rewriter.Verification;

/// <summary>Compiles the manifest's source again.</summary>
static class ShimCheck
{
    public static void Run(VerifiedImage image, CheckLog log)
    {
        Manifest manifest = image.Manifest;
        log.Count(manifest.Source.Split("public static void Site_").Length - 1);
        ShimAssembly compiled = RewritePipeline.CompileShims(manifest);
        if (!compiled.IsGood)
        {
            ShimDiagnostic first = compiled.Diagnostics[0];
            log.Fail($"{first.File}:{first.Line}:{first.Column}", first.Message);
            return;
        }

        if (!compiled.Assembly.Span.SequenceEqual(manifest.Assembly) || compiled.Sha256 != manifest.AssemblyDigest)
        {
            log.Fail("the shim assembly", "is not what the source compiles to, with this compiler and framework");
        }

        string expected = RewritePipeline.ShimSourceOf(image.HasWindow ? image.Plan : image.Plan with { Sites = [] }, manifest.OriginalDigest);
        int at = expected.AsSpan().CommonPrefixLength(manifest.Source);
        if (at != expected.Length || at != manifest.Source.Length)
        {
            log.Fail($"Sites.cs:{1 + manifest.Source.AsSpan(0, at).Count('\n')}", "is not what the sites ask for");
        }
    }
}
