// The .xz container (xz-file-format.txt 1.2): stream header, blocks, index, footer. Filters: LZMA2, optionally after x86 BCJ, as the Linux
// build uses.
using System.Security.Cryptography;

namespace Rewriter.Images.Compression;

/// <summary>Decodes one .xz stream and verifies every check in it. Bytes after the stream are ignored: the Linux build appends the
/// unpacked size.</summary>
public static class XzDecoder
{
    const int StreamHeaderSize = 12;
    const int FooterSize = 12;

    public static byte[] Decode(ByteView packed, int maximumSize)
    {
        ushort flags = packed.U16(6, "xz stream header");
        RequireCrc(packed, 6, 2, "xz stream header");
        if ((flags & 0xF0FF) != 0)
        {
            throw Bad(packed, 6, "xz stream flags are not supported");
        }

        int checkKind = flags >> 8;
        int checkSize = checkKind == 0 ? 0 : 4 << ((checkKind - 1) / 3); // xz-file-format 2.1.1.2: 4, 8, 16, 32, 64 by threes
        var output = new OutputBuffer(maximumSize, "xz payload", packed.Origin, (int)Math.Min(packed.Length * 3, maximumSize));
        var blocks = new List<(long Unpadded, long Unpacked)>();
        long at = StreamHeaderSize;
        while (packed.U8(at, "xz block header") != 0)
        {
            long blockStart = at;
            int unpackedStart = output.Length;
            XzBlockHeader header = XzBlockHeader.Read(packed, ref at);
            long dataStart = at;
            Lzma2Decoder.Decode(packed, ref at, output);
            long packedSize = at - dataStart;
            Span<byte> block = output.Written[unpackedStart..];
            if ((header.PackedSize ?? packedSize) != packedSize || (header.UnpackedSize ?? block.Length) != block.Length)
            {
                throw Bad(packed, blockStart, "xz block sizes do not match its header");
            }

            if (header.HasX86Filter)
            {
                X86BranchFilter.Decode(block);
            }

            blocks.Add((at - blockStart + checkSize, block.Length));
            at = Align(packed, blockStart, at, "xz block padding");
            VerifyCheck(packed.Span(at, checkSize, "xz block check"), checkKind, block, packed, at);
            at += checkSize;
        }

        long indexStart = at;
        VerifyIndex(packed, ref at, blocks);
        RequireCrc(packed, at + 4, 6, "xz footer", at);
        if (packed.U16(at + 8, "xz footer") != flags || packed.U16(at + 10, "xz footer") != 0x5A59
            || (packed.U32(at + 4, "xz footer") + 1L) * 4 != at - indexStart)
        {
            throw Bad(packed, at, "xz footer does not match the stream");
        }

        return output.ToArray();
    }

    /// <summary>A variable-length integer (1.2): seven bits a byte, least significant first, at most nine bytes.</summary>
    internal static long ReadInteger(ByteView packed, ref long at, string what)
    {
        long value = 0;
        for (int shift = 0; shift < 63; shift += 7)
        {
            byte part = packed.U8(at++, what);
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Bad(packed, at, $"{what} is not a valid xz integer");
    }

    internal static BadImageException Bad(ByteView packed, long at, string what) => new(what, packed.Origin + at);

    internal static void RequireCrc(ByteView packed, long start, long length, string what, long? crcAt = null)
    {
        if (Crc32.Of(packed.Span(start, length, what)) != packed.U32(crcAt ?? start + length, what))
        {
            throw Bad(packed, start, $"{what} fails its CRC");
        }
    }

    static long Align(ByteView packed, long start, long at, string what)
    {
        while (((at - start) & 3) != 0)
        {
            if (packed.U8(at, what) != 0)
            {
                throw Bad(packed, at, $"{what} is not zero");
            }

            at++;
        }

        return at;
    }

    static void VerifyCheck(ReadOnlySpan<byte> check, int kind, ReadOnlySpan<byte> block, ByteView packed, long at)
    {
        bool isGood = kind switch
        {
            0 => true,
            1 => BitConverter.ToUInt32(check) == Crc32.Of(block),
            4 => BitConverter.ToUInt64(check) == Crc64.Of(block),
            10 => check.SequenceEqual(SHA256.HashData(block)),
            _ => throw Bad(packed, at, $"xz check {kind} is not supported"),
        };
        if (!isGood)
        {
            throw Bad(packed, at, "xz block fails its check");
        }
    }

    static void VerifyIndex(ByteView packed, ref long at, List<(long Unpadded, long Unpacked)> blocks)
    {
        long start = at++;
        long count = ReadInteger(packed, ref at, "xz index");
        if (count != blocks.Count)
        {
            throw Bad(packed, start, "xz index does not list the blocks");
        }

        foreach ((long unpadded, long unpacked) in blocks)
        {
            if (ReadInteger(packed, ref at, "xz index") != unpadded || ReadInteger(packed, ref at, "xz index") != unpacked)
            {
                throw Bad(packed, start, "xz index does not match the blocks");
            }
        }

        at = Align(packed, start, at, "xz index padding");
        RequireCrc(packed, start, at - start, "xz index");
        at += 4;
    }
}
