namespace Rewriter.Images.Compression;

/// <summary>What an xz block header says (xz-file-format 3.1). Sizes are null where absent.</summary>
public readonly record struct XzBlockHeader(long? PackedSize, long? UnpackedSize, bool HasX86Filter)
{
    const long FilterX86 = 4;
    const long FilterLzma2 = 0x21;

    /// <param name="at">Position of the header; on return that of the packed data.</param>
    public static XzBlockHeader Read(ByteView packed, ref long at)
    {
        long start = at;
        int size = (packed.U8(at, "xz block header") + 1) * 4;
        packed.Slice(at, size, "xz block header");
        XzDecoder.RequireCrc(packed, at, size - 4, "xz block header");
        byte flags = packed.U8(at + 1, "xz block header");
        if ((flags & 0x3C) != 0)
        {
            throw XzDecoder.Bad(packed, at + 1, "xz block flags are not supported");
        }

        at += 2;
        long? packedSize = (flags & 0x40) != 0 ? XzDecoder.ReadInteger(packed, ref at, "xz packed size") : null;
        long? unpackedSize = (flags & 0x80) != 0 ? XzDecoder.ReadInteger(packed, ref at, "xz unpacked size") : null;
        int filters = (flags & 3) + 1;
        bool hasX86 = false;
        for (int i = 0; i < filters; i++)
        {
            long id = XzDecoder.ReadInteger(packed, ref at, "xz filter");
            long length = XzDecoder.ReadInteger(packed, ref at, "xz filter");
            ReadOnlySpan<byte> properties = packed.Span(at, length, "xz filter properties");
            bool isLast = i == filters - 1;
            if (id == FilterX86 && !isLast && i == 0 && !properties.ContainsAnyExcept((byte)0))
            {
                hasX86 = true;
            }
            else if (id != FilterLzma2 || !isLast)
            {
                throw XzDecoder.Bad(packed, at, $"xz filter 0x{id:x} is not supported here (x86 and lzma2 are)");
            }

            at += length;
        }

        if (at > start + size - 4)
        {
            throw XzDecoder.Bad(packed, start, "xz filters leave their header");
        }

        at = start + size;
        return new XzBlockHeader(packedSize, unpackedSize, hasX86);
    }
}
