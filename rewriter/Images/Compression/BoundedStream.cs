namespace Rewriter.Images.Compression;

/// <summary>Reads a framework decompressor to its end without trusting how much it will give.</summary>
public static class BoundedStream
{
    /// <exception cref="BadImageException">Damaged, or longer than <paramref name="maximumSize"/> bytes.</exception>
    public static byte[] ReadAll(Stream stream, int maximumSize, string what, long offset)
    {
        var output = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        try
        {
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                if (output.Length + read > maximumSize)
                {
                    throw new BadImageException($"{what} unpacks to more than {maximumSize >> 20} MiB", offset);
                }

                output.Write(buffer, 0, read);
            }
        }
        catch (Exception damage) when (damage is InvalidDataException or IOException)
        {
            throw new BadImageException($"{what} is damaged", offset);
        }

        return output.ToArray();
    }
}
