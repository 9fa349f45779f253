// The .lzma format: property byte, dictionary size, unpacked size (all ones where unknown), LZMA data (xz: doc/lzma-file-format.txt).
namespace Rewriter.Images.Compression;

/// <summary>Decodes a .lzma file, with an end marker or a known size.</summary>
public static class LzmaAloneDecoder
{
    const int HeaderSize = 13;

    public static byte[] Decode(ByteView packed, int maximumSize)
    {
        ulong size = packed.U64(5, "lzma header");
        bool isSizeKnown = size != ulong.MaxValue;
        if (isSizeKnown && size > (ulong)maximumSize)
        {
            throw new BadImageException($"lzma payload claims to unpack to {size} bytes, more than {maximumSize}", packed.Origin + 5);
        }

        packed.Slice(0, HeaderSize, "lzma header");
        byte[] input = new byte[packed.Length - HeaderSize + LzmaDecoder.InputPadding];
        packed.Bytes.Span[HeaderSize..].CopyTo(input);
        var output = new OutputBuffer(maximumSize, "lzma payload", packed.Origin, isSizeKnown ? (int)size : 0);
        var decoder = new LzmaDecoder(output, packed.Origin + HeaderSize);
        decoder.SetProperties(packed.U8(0, "lzma header"));
        decoder.StartRange(input.AsSpan(0, input.Length - LzmaDecoder.InputPadding));
        int at = 5;
        decoder.Decode(input, ref at, isSizeKnown ? (int)size : maximumSize);
        if (!isSizeKnown && !decoder.HasEnded)
        {
            throw new BadImageException($"lzma payload unpacks to more than {maximumSize} bytes", packed.Origin);
        }

        if (isSizeKnown && output.Length != (int)size)
        {
            throw new BadImageException("lzma payload ends before its size", packed.Origin + HeaderSize + at);
        }

        return output.ToArray();
    }
}
