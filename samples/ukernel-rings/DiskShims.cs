// ukernel's IDE driver, replaced by a front end of a block ring (public/io/blkif.h). Its callers hold the file system's lock, so one request is
// under way at a time. Where there is no Xen, or no disk of its, each method leaves it to the guest's own function.
using Runtime.Abi.Shims;

namespace UkernelRings;

public static class DiskShims
{
    const byte ReadOperation = 0, WriteOperation = 1, FlushOperation = 3;
    const uint SectorSize = 512, SectorsPerPage = 8;

    /// <summary>bool ide_initialize(void)</summary>
    [ReplacesFunction("ide_initialize")]
    public static bool Initialize(IShimContext vcpu)
    {
        bool isConnected = DiskRing.TryConnect(vcpu);
        Memory.Write(vcpu, Memory.DiskState, isConnected ? Memory.Connected : Memory.Absent);
        vcpu.Eax = 1;
        return isConnected;
    }

    /// <summary>uint32_t ide_sector_count(void)</summary>
    [ReplacesFunction("ide_sector_count")]
    public static bool SectorCount(IShimContext vcpu)
    {
        if (!IsConnected(vcpu))
            return false;
        vcpu.Eax = Memory.Read(vcpu, Memory.DiskSectors);
        return true;
    }

    /// <summary>bool ide_read(uint32_t sector, uint32_t count, void *buffer)</summary>
    [ReplacesFunction("ide_read")]
    public static bool Read(IShimContext vcpu) => Transfer(vcpu, ReadOperation);

    /// <summary>bool ide_write(uint32_t sector, uint32_t count, const void *buffer)</summary>
    [ReplacesFunction("ide_write")]
    public static bool Write(IShimContext vcpu) => Transfer(vcpu, WriteOperation);

    /// <summary>bool ide_flush(void)</summary>
    [ReplacesFunction("ide_flush")]
    public static bool Flush(IShimContext vcpu) => IsConnected(vcpu) && DiskRing.Perform(vcpu, FlushOperation, 0, 0, 0);

    static bool IsConnected(IShimContext vcpu) => Memory.Read(vcpu, Memory.DiskState) == Memory.Connected;

    static bool Transfer(IShimContext vcpu, byte operation)
    {
        uint sector = vcpu.Argument(0), count = vcpu.Argument(1), buffer = vcpu.Argument(2);
        // A segment is whole sectors of a page; what is not goes the guest's own way, to the same disk.
        bool isFit = buffer >= Memory.KernelBase && buffer % SectorSize == 0 && count != 0 && buffer % Memory.PageSize / SectorSize + count <= SectorsPerPage;
        return isFit && IsConnected(vcpu) && DiskRing.Perform(vcpu, operation, sector, count, buffer);
    }
}
