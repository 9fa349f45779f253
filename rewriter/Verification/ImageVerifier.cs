// Checks a rewritten image without asking the code that made it: bytes are compared, instructions decoded again, and what a patch does
// instead is held against what the original does. The list of checks is here; each is a file.
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Verification.Objects;

namespace Rewriter.Verification;

/// <summary>Verifies rewritten images.</summary>
public static class ImageVerifier
{
    /// <param name="name">For the report.</param>
    /// <param name="against">The original as kept elsewhere; null to take the one that the image gives back.</param>
    /// <exception cref="BadImageException">Not a rewritten image, or one that cannot even be taken apart; the message has the place.</exception>
    public static VerificationReport Verify(string name, ReadOnlyMemory<byte> file, byte[]? against = null)
    {
        if (!RewrittenImage.TryOpen(name, file, out KernelImage original, out PatchPlan plan, out Manifest manifest))
        {
            throw new BadImageException("not a rewritten image: it carries no manifest");
        }

        return Verify(name, new VerifiedImage(against is null ? original : KernelImage.Load(name, against), plan, manifest, file));
    }

    /// <summary>Verifies what has been taken apart already.</summary>
    /// <param name="compiles">Whether shims are compiled, which takes most of the time for a small image.</param>
    public static VerificationReport Verify(string name, VerifiedImage image, bool compiles = true)
    {
        var violations = new List<Violation>();
        List<CheckLog> logs = [];
        CheckLog Log(string check, string meaning, string of)
        {
            logs.Add(new CheckLog(check, meaning, of, violations, image.PlaceOf));
            return logs[^1];
        }

        ByteCheck.Run(image, Log("bytes", "everything outside patches and attachments is the original", "bytes"));
        ContainerCheck.Run(image, Log("container", "what was appended is what the format asks for, and its headers lead to the code", "fields and bytes"));
        if (!image.HasWindow)
        {
            ContentCheck.Run(image, Log("contents", "what a loader puts into memory is the original with the patches and trampolines", "bytes"));
            RelocationCheck.Run(image, Log("relocations", "each is where its field is now, of its type, symbol and addend; exceptions find the copies", "relocations"));
        }

        ListingCheck.Run(image, Log("listing", "every sensitive instruction that a sweep or descent meets is listed", "instructions"));
        EntryCheck.Run(image, Log("entries", image.HasWindow
            ? "each overwritten range leads to its trampoline, and traps where an instruction began"
            : "each overwritten range leads to its trampoline behind its own section, each redirected branch to a copy", "patches"));
        BorderCheck.Run(image, Log("borders", "ranges begin with an instruction, lose nothing but padding, and nothing runs into a landing", "instructions"));
        MeaningCheck.Run(image, Log("meaning", "each displaced instruction does in its trampoline what it did in its place", "instructions"));
        if (image.HasWindow)
        {
            TargetCheck.Run(image, Log("targets", "no branch, relocation, symbol or table leads into a range but to its start or a guard", "targets"));
        }
        else
        {
            ObjectTargets.Run(image, Log("targets", "no branch, relocation, symbol or table leads into a range but to its start", "targets"));
        }

        if (compiles)
        {
            ShimCheck.Run(image, Log("shims", "the assembly is what the source compiles to, and the source what the sites ask for", "methods"));
        }

        return new VerificationReport(name, [.. logs.Select(log => log.Result)], violations);
    }
}
