using System.Runtime.InteropServices;

namespace Runtime.Memory;

/// <summary>A piece of memory that takes part in a transfer: <c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct IoVector(nint Address, nint Length)
{
    public static long Sum(ReadOnlySpan<IoVector> vectors)
    {
        long sum = 0;
        foreach (IoVector vector in vectors)
        {
            sum += vector.Length;
        }

        return sum;
    }

    /// <summary>What is left behind the first bytes.</summary>
    /// <param name="vectors">Changed.</param>
    public static Span<IoVector> Skip(Span<IoVector> vectors, long bytes)
    {
        while (!vectors.IsEmpty && bytes >= vectors[0].Length)
        {
            bytes -= vectors[0].Length;
            vectors = vectors[1..];
        }

        if (bytes > 0)
        {
            vectors[0] = new IoVector(vectors[0].Address + (nint)bytes, vectors[0].Length - (nint)bytes);
        }

        return vectors;
    }

    /// <summary>A copy of the pieces that hold the first bytes.</summary>
    public static void CopyFirst(ReadOnlySpan<IoVector> vectors, long bytes, List<IoVector> to)
    {
        to.Clear();
        for (int i = 0; bytes > 0; i++)
        {
            nint length = (nint)Math.Min(bytes, vectors[i].Length);
            to.Add(new IoVector(vectors[i].Address, length));
            bytes -= length;
        }
    }
}
