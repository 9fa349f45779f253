// Finds the guest's own page-table entries, for the shadow to compare with. Rights and faults are the interpreter's page walker's business.
using Runtime.Memory;

namespace Runtime.Engines.Direct.Paging;

/// <summary>Reads the upper levels of the guest's page tables (SDM vol. 3, 4.3 and 4.4).</summary>
internal sealed class GuestPageTables(VcpuState state, GuestMemory memory)
{
    private const ulong FrameMask = 0xF_FFFF_F000;

    /// <summary>Where the translations of a 2 MiB region come from now. Entries that are not present give what they hold.</summary>
    public RegionSource Locate(int region)
    {
        if (!state.PagingEnabled)
        {
            return default;
        }

        return (state.Cr4 & ControlRegisters.Cr4Pae) != 0 ? LocatePae(region) : Locate32(region);
    }

    /// <summary>A page-table entry of a region.</summary>
    public ulong Entry(in RegionSource source, int index)
    {
        ulong address = source.Table + (ulong)(index * source.EntrySize);
        return source.EntrySize == 8 ? memory.Read64(address) : memory.Read32(address);
    }

    /// <summary>Sets the accessed bit, as hardware may do ahead of use (SDM vol. 3, 4.8).</summary>
    public void SetAccessed(in RegionSource source, int index)
    {
        ulong address = source.Table + (ulong)(index * source.EntrySize);
        memory.Write8(address, (byte)(memory.Read8(address) | PageBits.Accessed));
    }

    /// <summary>All entries of a region as they are in memory now; empty when they are not in RAM.</summary>
    public ReadOnlySpan<byte> Entries(in RegionSource source)
    {
        int length = ShadowRegion.PageCount * source.EntrySize;
        var address = new GuestPhysicalAddress(source.Table);
        return memory.Contains(address, (uint)length) ? memory.Slice(address, length) : default;
    }

    private RegionSource Locate32(int region)
    {
        uint directory = memory.Read32((state.Cr3 & 0xFFFF_F000) + ((uint)region >> 1 << 2));
        bool isLarge = (directory & PageBits.Large) != 0 && (state.Cr4 & ControlRegisters.Cr4Pse) != 0;
        ulong table = isLarge || (directory & PageBits.Present) == 0 ? 0 : (directory & 0xFFFF_F000) + (((uint)region & 1) * 2048);
        return new RegionSource(0, directory & ~PageBits.Accessed, table, 4);
    }

    private RegionSource LocatePae(int region)
    {
        ulong pointer = memory.Read64((state.Cr3 & 0xFFFF_FFE0) + ((uint)region >> 9 << 3));
        if ((pointer & PageBits.Present) == 0)
        {
            return new RegionSource(pointer, 0, 0, 8);
        }

        ulong directory = memory.Read64((pointer & FrameMask) + (((uint)region & 511) << 3));
        bool isTable = (directory & PageBits.Present) != 0 && (directory & PageBits.Large) == 0;
        return new RegionSource(pointer, directory & ~(ulong)PageBits.Accessed, isTable ? directory & FrameMask : 0, 8);
    }
}
