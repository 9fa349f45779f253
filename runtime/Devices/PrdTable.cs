// The scatter list of an IDE bus master, in guest RAM and so not to be trusted: read once, checked, and then only the copy is used.
using Runtime.Memory;

namespace Runtime.Devices;

/// <summary>Physical region descriptors (Programming Interface for Bus Master IDE Controller 1.0, 1.2): base, count, end of table.</summary>
internal static class PrdTable
{
    /// <summary>A table does not cross a 64 KiB boundary; no longer one is believed.</summary>
    private const int MaximumEntries = 0x1_0000 / 8;

    private const uint EndOfTable = 1u << 31;

    /// <summary>The regions that hold the first <paramref name="bytes"/> of what a table describes, neighbours joined. False when it is
    /// shorter, has no end, or names what is not RAM.</summary>
    /// <param name="isExact">The table describes no more than that.</param>
    public static bool TryRead(GuestMemory memory, uint table, long bytes, out List<GuestRange> regions, out bool isExact)
    {
        regions = [];
        isExact = false;
        long left = bytes;
        for (int entry = 0; entry < MaximumEntries; entry++, table += 8)
        {
            if (!memory.Contains(new GuestPhysicalAddress(table), 8))
            {
                return false;
            }

            uint address = memory.Read32(table) & ~1u;
            uint control = memory.Read32(table + 4);
            int length = (int)(control & 0xFFFE);
            length = length == 0 ? 0x1_0000 : length;
            int used = (int)Math.Min(left, length);
            if (used > 0 && !TryAdd(regions, memory, address, used))
            {
                return false;
            }

            left -= used;
            if ((control & EndOfTable) != 0)
            {
                isExact = left == 0 && used == length;
                return left == 0;
            }
        }

        return false;
    }

    private static bool TryAdd(List<GuestRange> regions, GuestMemory memory, uint address, int length)
    {
        if (!memory.Contains(new GuestPhysicalAddress(address), (uint)length))
        {
            return false;
        }

        GuestRange last = regions.Count > 0 ? regions[^1] : default;
        if (regions.Count > 0 && last.Address.Value + (uint)last.Length == address && last.Length <= GuestRange.Longest - length)
        {
            regions[^1] = last with { Length = last.Length + length };
        }
        else
        {
            regions.Add(new GuestRange(new GuestPhysicalAddress(address), length));
        }

        return true;
    }
}
