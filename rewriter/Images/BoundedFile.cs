namespace Rewriter.Images;

/// <summary>Reads whole files without trusting how much they give: a device gives for ever, and has no length.</summary>
static class BoundedFile
{
    /// <summary>The bytes of a file, or null if there are more than <paramref name="limit"/>.</summary>
    /// <exception cref="IOException">As from opening and reading; <see cref="UnauthorizedAccessException"/> too.</exception>
    public static byte[]? TryRead(string path, int limit)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        long length = stream.CanSeek ? stream.Length : 0;
        if (length > limit)
        {
            return null;
        }

        // One byte more than is expected, so that the last read finds the end.
        byte[] bytes = new byte[Math.Max(length, 4096) + 1];
        int count = 0;
        for (int read; (read = stream.Read(bytes, count, bytes.Length - count)) > 0;)
        {
            count += read;
            if (count > limit)
            {
                return null;
            }

            if (count == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(2L * count, limit + 1L));
            }
        }

        return bytes[..count];
    }
}
