// Finds the guest's own page-table entries, for the shadow to compare with. Rights and faults are the interpreter's page walker's business.
using Runtime.Memory;

namespace Runtime.Engines.Direct.Paging;

/// <summary>Reads the upper levels of the guest's page tables (SDM vol. 3, 4.3 and 4.4).</summary>
internal sealed class GuestPageTables(VcpuState state, GuestMemory memory)
{
    private const ulong FrameMask = 0xF_FFFF_F000;

    /// <summary>The bits of an entry that say who may do what.</summary>
    public const ulong RightsMask = PageBits.Present | PageBits.Writable | PageBits.User | (1ul << 63);

    /// <summary>The bits of a page-table entry that a translation depends on. The others are for caches and for the guest's own use.</summary>
    public const ulong TranslationMask = RightsMask | 0x7FFF_FFFF_FFFF_F000;

    /// <summary>Where the translations of a 2 MiB region come from now. Entries that are not present give what they hold.</summary>
    public RegionSource Locate(int region) => Locate(region, SpaceKey.RootOf(state));

    /// <summary>The same for a page directory that need not be the one in use.</summary>
    /// <param name="root">See <see cref="SpaceKey"/>.</param>
    public RegionSource Locate(int region, ulong root)
    {
        if (root == SpaceKey.Unpaged)
        {
            return default;
        }

        return (root & SpaceKey.PaeFlag) != 0 ? LocatePae(region, (uint)root & 0xFFFF_FFE0) : Locate32(region, (uint)root & 0xFFFF_F000);
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

    private RegionSource Locate32(int region, uint root)
    {
        uint directory = memory.Read32(root + ((uint)region >> 1 << 2));
        bool isLarge = (directory & PageBits.Large) != 0 && (state.Cr4 & ControlRegisters.Cr4Pse) != 0;
        ulong table = isLarge || (directory & PageBits.Present) == 0 ? 0 : (directory & 0xFFFF_F000) + (((uint)region & 1) * 2048);
        return new RegionSource(directory & ~PageBits.Accessed, table, 4);
    }

    private RegionSource LocatePae(int region, uint root)
    {
        ulong pointer = memory.Read64(root + ((uint)region >> 9 << 3));
        if ((pointer & PageBits.Present) == 0)
        {
            return new RegionSource(0, 0, 8);
        }

        ulong directory = memory.Read64((pointer & FrameMask) + (((uint)region & 511) << 3));
        bool isTable = (directory & PageBits.Present) != 0 && (directory & PageBits.Large) == 0;
        return new RegionSource(directory & ~(ulong)PageBits.Accessed, isTable ? directory & FrameMask : 0, 8);
    }
}
