// Rewritten images: the original with its patches applied and the manifest appended. For ELF, PE and multiboot files the bytes
// in place are the patched ones; a bzImage keeps its bytes, since its code is compressed, and the patches apply to the unpacked payload.
using Rewriter.Images;
using Rewriter.Patching;

namespace Rewriter.Rewritten;

/// <summary>Writes, recognises, opens and undoes rewritten images.</summary>
public static class RewrittenImage
{
    /// <summary>The rewritten file.</summary>
    public static byte[] Write(KernelImage image, PatchPlan plan, Manifest manifest)
    {
        var file = new MemoryStream();
        if (image.Format == ImageFormat.Pe32)
        {
            return WritePe(image, plan, manifest);
        }

        file.Write(manifest.IsPatchedInPlace ? ImagePatches.Apply(image, plan) : image.File.Span);
        byte[] packed = ManifestBlock.Pack(manifest);
        long offset;
        if (image.Format is ImageFormat.Elf32 or ImageFormat.Elf32Object)
        {
            offset = ElfAttachment.Append(file, image, plan, packed);
        }
        else
        {
            offset = file.Length;
            file.Write(packed);
        }

        file.Write(ManifestBlock.Footer(packed, offset));
        return file.ToArray();
    }

    static byte[] WritePe(KernelImage image, PatchPlan plan, Manifest manifest)
    {
        byte[] patched = ImagePatches.Apply(image, plan);
        foreach (FileEdit edit in PeEdits.Of(image, plan))
        {
            edit.Bytes.CopyTo(patched, edit.Offset);
        }

        byte[] packed = ManifestBlock.Pack(manifest);
        byte[] file = [.. patched, .. packed, .. ManifestBlock.Footer(packed, patched.Length)];
        PeEdits.WriteCheckSum(file);
        return file;
    }

    /// <summary>Whether a file carries a manifest, so that <see cref="TryOpen"/> will open or refuse it.</summary>
    public static bool IsRewritten(ReadOnlySpan<byte> file) => ManifestBlock.HasFooter(file);

    /// <summary>Opens a rewritten image: the original, as it was, and the plan that it was rewritten by. False for a file that is
    /// none.</summary>
    /// <param name="name">For messages and reports.</param>
    /// <exception cref="BadImageException">It carries a manifest that is damaged, or that does not fit the image.</exception>
    public static bool TryOpen(string name, ReadOnlyMemory<byte> file, out KernelImage original, out PatchPlan plan, out Manifest manifest)
    {
        if (!IsRewritten(file.Span))
        {
            (original, plan, manifest) = (null!, null!, null!);
            return false;
        }

        manifest = ManifestBlock.Unpack(new ByteView(file));
        original = KernelImage.Load(name, Restore(file.Span, manifest));
        plan = new ManifestReader(original, manifest).ReadPlan();
        return true;
    }

    /// <summary>The original file, byte for byte.</summary>
    /// <exception cref="BadImageException">Not a rewritten image, or what comes out is not what went in.</exception>
    public static byte[] Restore(ReadOnlyMemory<byte> file)
    {
        if (!IsRewritten(file.Span))
        {
            throw new BadImageException("not a rewritten image: it carries no manifest");
        }

        return Restore(file.Span, ManifestBlock.Unpack(new ByteView(file)));
    }

    static byte[] Restore(ReadOnlySpan<byte> file, Manifest manifest)
    {
        if (manifest.Version != Manifest.CurrentVersion)
        {
            throw new BadImageException($"manifest of version {manifest.Version} is not supported");
        }

        if (manifest.OriginalSize < 0 || manifest.OriginalSize > file.Length || manifest.OriginalHeader.Length > manifest.OriginalSize)
        {
            throw new BadImageException("manifest claims an original larger than the file");
        }

        byte[] original = file[..(int)manifest.OriginalSize].ToArray();
        manifest.OriginalHeader.CopyTo(original, 0);
        foreach (ManifestEdit edit in manifest.Edits ?? [])
        {
            if (edit is null || edit.Offset < 0 || edit.Offset > original.Length - edit.Original.Length)
            {
                throw new BadImageException("manifest lists an edit outside the file");
            }

            edit.Original.CopyTo(original, edit.Offset);
        }

        if (manifest.IsPatchedInPlace)
        {
            ImagePatches.Undo(original, manifest);
        }

        if (Manifest.DigestOf(original) != manifest.OriginalDigest)
        {
            throw new BadImageException("the restored bytes are not those of the original: the file was changed after it was rewritten");
        }

        return original;
    }
}
