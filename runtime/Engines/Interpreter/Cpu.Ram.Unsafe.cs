// Direct access to guest RAM for the paths that the TLB has already checked. A TLB tag is only ever set for a frame that lies in RAM
// (TryFillTlb), so whatever passed a tag comparison needs no second check.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Runtime.Memory;

namespace Runtime.Engines.Interpreter;

public sealed unsafe partial class Cpu
{
    // SAFETY: guest RAM is native memory that does not move and that outlives the processor running on it.
    private void AttachRam(GuestMemory memory)
        => _ram = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory.Slice(new GuestPhysicalAddress(0), 1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint LoadRam(ulong physical, int size)
        // SAFETY: the caller compared a TLB tag, and the access does not leave the page.
        => size == 4 ? Unsafe.ReadUnaligned<uint>(_ram + physical) : size == 2 ? Unsafe.ReadUnaligned<ushort>(_ram + physical) : _ram[physical];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StoreRam(ulong physical, int size, uint value)
    {
        // SAFETY: the caller compared a TLB tag for writing, and the access does not leave the page.
        if (size == 4)
        {
            Unsafe.WriteUnaligned(_ram + physical, value);
        }
        else if (size == 2)
        {
            Unsafe.WriteUnaligned(_ram + physical, (ushort)value);
        }
        else
        {
            _ram[physical] = (byte)value;
        }

        if (FrameFlags is { } flags)
        {
            ReportWrite(flags, physical, size);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<byte> LoadRamVector(ulong physical)
        // SAFETY: the caller compared a TLB tag for fetching, and 16 bytes are left in the page.
        => Unsafe.ReadUnaligned<Vector128<byte>>(_ram + physical);

    private byte* _ram;
}
