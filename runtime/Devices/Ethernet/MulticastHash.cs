using Runtime.Network;

namespace Runtime.Devices.Ethernet;

/// <summary>Which of 64 filter bits stands for a multicast address: the top six bits of the Ethernet CRC.</summary>
internal static class MulticastHash
{
    private const uint Polynomial = 0x04C1_1DB7; // IEEE 802.3, 3.2.9

    public static int Of(MacAddress address)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < 8 * MacAddress.Length; i++)
        {
            // Bytes in the order of the wire, of each byte the lowest bit first.
            uint bit = (uint)(address.Value >> 40 - (i & ~7) + (i & 7)) & 1;
            crc = (crc >> 31 ^ bit) != 0 ? crc << 1 ^ Polynomial : crc << 1;
        }

        return (int)(crc >> 26);
    }
}
