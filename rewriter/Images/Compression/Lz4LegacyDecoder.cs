// LZ4 legacy frames: magic 0x184C2102, then blocks of a compressed size and LZ4 data, each unpacking to at most 8 MiB
// (lz4_Frame_format.md).
namespace Rewriter.Images.Compression;

/// <summary>The LZ4 that `lz4 -l` writes and the Linux build uses.</summary>
public static class Lz4LegacyDecoder
{
    const int BlockLimit = 8 << 20;
    const uint Magic = 0x184C2102;

    /// <summary>Unpacks all blocks. A trailing dword that is the unpacked size, as the Linux build appends it, is taken as the
    /// end.</summary>
    public static byte[] Decode(ByteView packed, int maximumSize)
    {
        var output = new OutputBuffer(maximumSize, "lz4 payload", packed.Origin);
        long position = 4;
        while (packed.Length - position >= 4)
        {
            uint size = packed.U32(position, "lz4 block size");
            if (packed.Length - position == 4 && size == output.Length)
            {
                break;
            }

            position += 4;
            if (size == Magic)
            {
                continue;
            }

            DecodeBlock(packed.Span(position, size, "lz4 block"), output, packed.Origin + position);
            position += size;
        }

        return output.ToArray();
    }

    static void DecodeBlock(ReadOnlySpan<byte> block, OutputBuffer output, long origin)
    {
        int start = output.Length;
        int at = 0;
        while (at < block.Length)
        {
            byte token = block[at++];
            int literals = ReadLength(block, ref at, token >> 4, origin);
            if (literals > block.Length - at)
            {
                throw new BadImageException("lz4 literals leave their block", origin + at);
            }

            output.Append(block.Slice(at, literals));
            at += literals;
            if (at == block.Length)
            {
                break; // the last sequence has literals only
            }

            if (block.Length - at < 2)
            {
                throw new BadImageException("lz4 match leaves its block", origin + at);
            }

            int distance = block[at] | (block[at + 1] << 8);
            at += 2;
            int length = ReadLength(block, ref at, token & 15, origin) + 4;
            if (distance == 0 || distance > output.Length - start)
            {
                throw new BadImageException("lz4 match reaches before its block", origin + at);
            }

            output.Repeat(distance, length);
            if (output.Length - start > BlockLimit)
            {
                throw new BadImageException("lz4 block unpacks to more than 8 MiB", origin);
            }
        }
    }

    static int ReadLength(ReadOnlySpan<byte> block, ref int at, int nibble, long origin)
    {
        int length = nibble;
        if (nibble != 15)
        {
            return length;
        }

        byte more;
        do
        {
            if (at >= block.Length || length > BlockLimit)
            {
                throw new BadImageException("lz4 length leaves its block", origin + at);
            }

            more = block[at++];
            length += more;
        }
        while (more == 255);
        return length;
    }
}
