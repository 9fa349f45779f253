namespace Rewriter.Images;

/// <summary>Reads one file format. Readers hold no state; what is wrong with a file is a <see cref="BadImageException"/> and nothing
/// else.</summary>
public interface IImageReader
{
    /// <summary>Whether the file claims to be of this format, judged by its magic numbers alone.</summary>
    bool Recognises(ByteView file);

    /// <summary>Reads and validates the whole image.</summary>
    /// <param name="name">For messages and reports: the file name without its directory.</param>
    KernelImage Read(string name, ByteView file);
}
