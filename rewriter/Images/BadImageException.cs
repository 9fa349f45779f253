namespace Rewriter.Images;

/// <summary>An input file is malformed, truncated or of a kind that is not supported.</summary>
/// <param name="what">What is wrong, in one line without a final stop.</param>
/// <param name="offset">Where in the file, when that is known.</param>
public sealed class BadImageException(string what, long? offset = null)
    : Exception(offset is long at ? $"{what} (at file offset 0x{at:x})" : what)
{
    public long? Offset { get; } = offset;
}
