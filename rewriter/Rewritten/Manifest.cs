// What a rewritten image says of itself. The JSON form is this record, deflated; docs/rewritten-image.md describes it for other readers.
using System.Security.Cryptography;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Rewritten;

/// <summary>A site in the manifest; its instruction is decoded from the original bytes.</summary>
/// <param name="Length">Of the instruction, in bytes.</param>
public sealed record ManifestSite(
    uint Address, int Length, int Class, int Confidence, string Section, int Tactic, string Shim,
    string? Symbol = null, string? Reason = null);

/// <summary>A patch in the manifest.</summary>
/// <param name="Map">Flattened triples: offset, guest address, 1 for a restart point else 0.</param>
public sealed record ManifestPatch(uint Address, byte[] Original, byte[] New, int Tactic, uint Trampoline, byte[] Code, uint[] Map,
    uint Landing);

/// <summary>Bytes outside the patches that the writer changed: fields of a PE header, relocation entries of patched words.</summary>
/// <param name="Offset">In the file.</param>
public sealed record ManifestEdit(long Offset, byte[] Original);

/// <summary>A text that the image was rewritten by: a policy, a file of a shim pack.</summary>
/// <param name="Path">As it was named; not read.</param>
public sealed record ManifestText(string Path, string Text);

/// <summary>Everything that auditing, restoring or running a rewritten image takes.</summary>
/// <param name="Version">Of this format; readers refuse others.</param>
/// <param name="Tool">Name and version of the writer.</param>
/// <param name="OriginalSize">Size of the original file in bytes; whatever follows in the rewritten file was appended.</param>
/// <param name="OriginalDigest">SHA-256 of the original file, lower-case hexadecimal.</param>
/// <param name="OriginalHeader">First bytes of the original file where the writer had to change them (the ELF header), else empty.</param>
/// <param name="IsPatchedInPlace">Whether the file's own bytes carry the patches; not so where the code is compressed.</param>
/// <param name="Source">Generated C# of all host-side shims.</param>
/// <param name="Edits">By ascending offset; null where there are none.</param>
/// <param name="Policy">The policy, or null.</param>
/// <param name="Pack">The files of the shim pack, or null; compiled with the source.</param>
/// <param name="Assembly">What the source compiled to; never loaded unless compiling the source again gives the same bytes.</param>
public sealed record Manifest(
    int Version,
    string Tool,
    string Mode,
    uint WindowBase,
    long OriginalSize,
    string OriginalDigest,
    byte[] OriginalHeader,
    bool IsPatchedInPlace,
    ManifestSite[] Sites,
    ManifestPatch[] Patches,
    string Source,
    byte[] Assembly,
    string AssemblyDigest,
    ManifestEdit[]? Edits = null,
    ManifestText? Policy = null,
    ManifestText[]? Pack = null)
{
    public const int CurrentVersion = 1;

    /// <summary>SHA-256 in lower-case hexadecimal.</summary>
    public static string DigestOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static Manifest Of(KernelImage image, PatchPlan plan, string source, ShimAssembly assembly) => new(
        CurrentVersion,
        "rewriter " + typeof(Manifest).Assembly.GetName().Version!.ToString(3),
        plan.Mode.ToString().ToLowerInvariant(),
        plan.WindowBase,
        image.File.Length,
        DigestOf(image.File.Span),
        image.Format is ImageFormat.Elf32 or ImageFormat.Elf32Object ? image.File.Span[..ElfAttachment.HeaderSize].ToArray() : [],
        image.Format is not (ImageFormat.BzImage or ImageFormat.Elf32Object),
        [.. plan.Sites.Select(SiteOf)],
        [.. plan.Patches.Select(PatchOf)],
        source,
        assembly.Assembly.ToArray(),
        assembly.Sha256,
        image.Format == ImageFormat.Pe32 ? [.. PeEdits.Of(image, plan).Select(e => EditOf(image, e))] : null);

    static ManifestEdit EditOf(KernelImage image, FileEdit edit) =>
        new(edit.Offset, image.File.Slice((int)edit.Offset, edit.Bytes.Length).ToArray());

    static ManifestSite SiteOf(PlannedSite s) => new(
        (uint)s.Site.Address, s.Site.Code.Length, (int)s.Site.Class, (int)s.Site.Confidence, s.Site.Section, (int)s.Tactic, s.Shim,
            s.Site.Symbol, s.Reason);

    static ManifestPatch PatchOf(Patch p) => new(
        p.Address,
        p.OriginalBytes.ToArray(),
        p.NewBytes.ToArray(),
        (int)p.Tactic,
        p.TrampolineAddress,
        p.Trampoline.ToArray(),
        [.. p.Map.SelectMany(m => (uint[])[(uint)m.Offset, m.GuestAddress, m.IsRestart ? 1u : 0u])],
        p.Landing);
}
