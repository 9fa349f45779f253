using System.Buffers.Binary;

namespace Runtime.Abi.Xen;

/// <summary>The page through which a guest makes hypercalls: entry n, 32 bytes each, makes hypercall n. The contents are the hypervisor's to
/// choose; these are what Xen gives a guest on an Intel processor, so VMCALL is the one way in for pages and for kernels that use it themselves.</summary>
public static class HypercallPage
{
    public const int Length = 4096;
    public const int EntryLength = 32;

    /// <summary>mov eax, n; vmcall; ret.</summary>
    public static void Write(Span<byte> page)
    {
        page.Fill(0xCC);
        for (int number = 0; number < Length / EntryLength; number++)
        {
            Span<byte> entry = page[(number * EntryLength)..];
            entry[0] = 0xB8;
            BinaryPrimitives.WriteInt32LittleEndian(entry[1..], number);
            ReadOnlySpan<byte> rest = [0x0F, 0x01, 0xC1, 0xC3];
            rest.CopyTo(entry[5..]);
        }
    }
}
