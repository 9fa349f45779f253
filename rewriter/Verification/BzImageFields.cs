using Rewriter.Images;
using Rewriter.Images.Compression;

namespace Rewriter.Verification;

/// <summary>What a boot loader and the decompressor read of a bzImage (Documentation/x86/boot.rst, arch/x86/boot/tools/build.c). Its bytes
/// are the original's; this says that they lead to the code that was verified.</summary>
static class BzImageFields
{
    const int SetupSectors = 0x1F1, SystemSize = 0x1F4, Version = 0x206, PayloadOffset = 0x248, PayloadLength = 0x24C, InitSize = 0x260;
    const int FirstVersionWithInitSize = 0x020A;

    public static void Check(VerifiedImage image, CheckLog log)
    {
        var file = new ByteView(image.File[..Math.Min(image.File.Length, image.Original.File.Length)]);
        int sectors = file.U8(SetupSectors, "setup_sects");
        long protectedMode = ((sectors == 0 ? 4 : sectors) + 1) * 512L;
        long end = protectedMode + (16L * file.U32(SystemSize, "syssize"));
        long payload = protectedMode + file.U32(PayloadOffset, "payload_offset");
        long length = file.U32(PayloadLength, "payload_length");
        log.Count(5);
        if (end > file.Length)
        {
            log.Fail($"offset 0x{SystemSize:x}", $"syssize claims {end} bytes of {file.Length}");
            return;
        }

        if (payload < protectedMode || length < 4 || payload + length > end)
        {
            log.Fail($"offset 0x{PayloadOffset:x}", "the payload does not lie within what syssize loads");
            return;
        }

        // The original's payload was unpacked when it was read; the same packed bytes give the same.
        ByteView packed = file.Slice(payload, length, "payload");
        bool isSame = packed.Bytes.Span.SequenceEqual(image.Original.File.Span.Slice((int)payload, (int)length));
        if (!isSame && !CompressedPayload.Unpack(packed).AsSpan().SequenceEqual(image.Original.Payload.Span))
        {
            log.Fail($"offset 0x{payload:x}", "the payload does not unpack to the code that the patches are for");
        }

        // The decompressor knows from the last four bytes how much it has to give (input_len, output_len: arch/x86/boot/compressed/mkpiggy.c).
        uint claimed = file.U32(payload + length - 4, "payload");
        bool isPacked = !packed.Bytes.Span.StartsWith("\x7FELF"u8);
        if (isPacked && claimed != (uint)image.Original.Payload.Length)
        {
            log.Fail($"offset 0x{payload + length - 4:x}", $"the payload claims to unpack to {claimed} bytes, not {image.Original.Payload.Length}");
        }

        long memory = image.Original.Segments.Max(s => (long)s.LoadAddress + s.MemorySize) - image.Original.Segments.Min(s => (long)s.LoadAddress);
        if (file.U16(Version, "version") >= FirstVersionWithInitSize && file.U32(InitSize, "init_size") < memory)
        {
            log.Fail($"offset 0x{InitSize:x}", $"init_size is {file.U32(InitSize, "init_size")}, and the kernel takes {memory} bytes");
        }

        // Kernels from 2.6.30 to 6.15 end in a CRC that makes the sum over all of it zero; others have none to compare.
        ReadOnlySpan<byte> original = image.Original.File.Span[..(int)end];
        if (IsSummed(original) && !IsSummed(file.Bytes.Span[..(int)end]))
        {
            log.Fail($"offset 0x{end - 4:x}", "the CRC at the end is not that of the image");
        }
    }

    /// <summary>Without the final complement, as build.c has it: Crc32 complements, so what is zero there is all ones here.</summary>
    static bool IsSummed(ReadOnlySpan<byte> image) => Crc32.Of(image) == uint.MaxValue;
}
