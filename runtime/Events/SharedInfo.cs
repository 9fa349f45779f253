// The page that hypervisor and guest share (struct shared_info), where it lies in guest RAM at the moment. The guest writes it at any time:
// nothing read from it is believed further than one use.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.Events;

/// <summary>Atomic access to the shared-info page and to the vcpu_info of the one virtual processor, which a guest may move out of it.</summary>
public sealed class SharedInfo(GuestMemory memory, uint frame)
{
    private const ulong PageMask = 0xFFF;
    private ulong _page = (ulong)frame << 12;
    private ulong _vcpu = ((ulong)frame << 12) + SharedInfoLayout.VcpuInfo0;

    /// <summary>Where the page is.</summary>
    public uint Frame => (uint)(_page >> 12);

    /// <summary>Moves the page with its contents; what was at the new place is gone.</summary>
    public void MoveTo(uint frame)
    {
        bool isInside = (_vcpu & ~PageMask) == _page;
        memory.FrameBytes(Frame).CopyTo(memory.FrameBytes(frame));
        _page = (ulong)frame << 12;
        _vcpu = isInside ? _page + SharedInfoLayout.VcpuInfo0 : _vcpu;
    }

    /// <summary>Moves vcpu_info with its contents (VCPUOP_register_vcpu_info).</summary>
    /// <param name="offset">Such that it does not leave the page, a multiple of 4.</param>
    public void MoveVcpuInfo(uint frame, uint offset)
    {
        ulong target = ((ulong)frame << 12) + offset;
        memory.Slice(new GuestPhysicalAddress(_vcpu), SharedInfoLayout.VcpuInfoLength).CopyTo(memory.Slice(new GuestPhysicalAddress(target), SharedInfoLayout.VcpuInfoLength));
        _vcpu = target;
    }

    /// <summary>A 32-bit word of the page.</summary>
    public ref uint Word(int offset) => ref WordAt(_page + (ulong)offset);

    /// <summary>A 32-bit word of vcpu_info.</summary>
    public ref uint VcpuWord(int offset) => ref WordAt(_vcpu + (ulong)offset);

    /// <summary>A byte of vcpu_info.</summary>
    public ref byte VcpuByte(int offset) => ref memory.Slice(new GuestPhysicalAddress(_vcpu + (ulong)offset), 1)[0];

    private ref uint WordAt(ulong address) => ref MemoryMarshal.Cast<byte, uint>(memory.Slice(new GuestPhysicalAddress(address), sizeof(uint)))[0];
}
