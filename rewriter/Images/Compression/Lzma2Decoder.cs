// LZMA2: LZMA in chunks of at most 2 MiB, with resets between them and uncompressed chunks (xz: src/liblzma/lzma/lzma2_decoder.c).
namespace Rewriter.Images.Compression;

/// <summary>Decodes one LZMA2 stream up to its end marker.</summary>
public static class Lzma2Decoder
{
    /// <summary>Appends what the chunks unpack to.</summary>
    /// <param name="at">Position of the first chunk; on return that of the byte after the end marker.</param>
    public static void Decode(ByteView packed, ref long at, OutputBuffer output)
    {
        var lzma = new LzmaDecoder(output, packed.Origin);
        byte[] chunk = new byte[(1 << 16) + LzmaDecoder.InputPadding];
        bool needsDictionaryReset = true;
        bool needsStateReset = true;
        while (true)
        {
            byte control = packed.U8(at, "lzma2 control byte");
            if (control == 0)
            {
                at++;
                return;
            }

            if (control == 1 || control >= 0xE0)
            {
                lzma.DictionaryStart = output.Length;
                needsDictionaryReset = false;
                needsStateReset = true;
            }

            if (needsDictionaryReset || control is > 2 and < 0x80)
            {
                throw new BadImageException($"lzma2 control byte 0x{control:x2} is not valid here", packed.Origin + at);
            }

            int size = ReadSize(packed, at + 1);
            if (control < 0x80)
            {
                output.Append(packed.Span(at + 3, size, "lzma2 uncompressed chunk"));
                at += 3 + size;
                continue;
            }

            size += (control & 0x1F) << 16;
            int packedSize = ReadSize(packed, at + 3);
            at += 5;
            if (control >= 0xC0)
            {
                lzma.SetProperties(packed.U8(at++, "lzma2 properties"));
                needsStateReset = false;
            }
            else if (needsStateReset || !lzma.HasProperties)
            {
                throw new BadImageException("lzma2 chunk without properties", packed.Origin + at);
            }
            else if (control >= 0xA0)
            {
                lzma.ResetState();
            }

            packed.Span(at, packedSize, "lzma2 chunk").CopyTo(chunk);
            Span<byte> input = chunk.AsSpan(0, packedSize + LzmaDecoder.InputPadding);
            input[packedSize..].Clear();
            lzma.StartRange(input[..packedSize]);
            int consumed = 5;
            lzma.Decode(input, ref consumed, size);
            if (consumed != packedSize || lzma.HasEnded)
            {
                throw new BadImageException("lzma2 chunk does not end where it says", packed.Origin + at);
            }

            at += packedSize;
        }
    }

    static int ReadSize(ByteView packed, long at) =>
        ((packed.U8(at, "lzma2 chunk size") << 8) | packed.U8(at + 1, "lzma2 chunk size")) + 1;
}
