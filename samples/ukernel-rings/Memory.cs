// Where the pack keeps what it needs in the guest: ukernel leaves the memory below 640 KiB alone, and maps all of it from C0000000 up. A shim
// has no variables of its own; all that outlasts a call is in the first of these pages.
using Runtime.Abi.Shims;

namespace UkernelRings;

static class Memory
{
    public const uint KernelBase = 0xC000_0000;
    public const uint PageSize = 4096;

    // Frames, and where ukernel sees them.
    public const uint StateFrame = 0x60, SharedFrame = 0x61, GrantFrame = 0x62, RingFrame = 0x63;
    public const uint State = KernelBase + StateFrame * PageSize;
    public const uint Shared = KernelBase + SharedFrame * PageSize;
    public const uint Grants = KernelBase + GrantFrame * PageSize;
    public const uint Ring = KernelBase + RingFrame * PageSize;

    // Words of the state page.
    public const uint DiskState = State, DiskPort = State + 4, DiskSectors = State + 8;
    public const uint RequestProducer = State + 12, ResponseConsumer = State + 16, InFlight = State + 20;
    public const uint ConsoleState = State + 24, ConsolePage = State + 28, ConsolePort = State + 32;
    public const uint StorePage = State + 36, StorePort = State + 40;
    public const uint Arguments = State + 64;   // of a hypercall
    public const uint BackEnd = State + 128;    // its path in XenStore, 64 bytes at most
    public const uint BackEndLength = State + 192;

    // What DiskState and ConsoleState hold, such that a page of anything else says nothing.
    public const uint Connected = 0x52494E47, Absent = 0x4E4F4E45;

    public static uint Read(IShimContext vcpu, uint address) => vcpu.ReadMemory(SegmentName.Ds, address, 4);

    public static void Write(IShimContext vcpu, uint address, uint value) => vcpu.WriteMemory(SegmentName.Ds, address, 4, value);

    public static void Clear(IShimContext vcpu, uint page)
    {
        for (uint i = 0; i < PageSize; i += 4)
            Write(vcpu, page + i, 0);
    }
}
