using System.Buffers.Binary;
using System.Globalization;

namespace Runtime.Network;

/// <summary>48 bits; the first byte on the wire is the highest.</summary>
public readonly record struct MacAddress(ulong Value)
{
    public const int Length = 6;

    public static readonly MacAddress Broadcast = new(0xFFFF_FFFF_FFFF);

    /// <summary>Multicast or broadcast (IEEE 802.3, 3.2.3).</summary>
    public bool IsGroup => (Value >> 40 & 1) != 0;

    /// <summary>Addresses that the runtime gives to guests: locally administered, as QEMU's 52:54:00.</summary>
    public static MacAddress ForGuest(uint number) => new(0x5254_0000_0000ul | number & 0xFF_FFFF);

    public static MacAddress Read(ReadOnlySpan<byte> bytes) => new((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32 | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)Value);
    }

    public override string ToString()
    {
        ulong value = Value;
        return string.Join(':', Enumerable.Range(0, Length).Select(i => (value >> 40 - 8 * i & 0xFF).ToString("x2", CultureInfo.InvariantCulture)));
    }
}
