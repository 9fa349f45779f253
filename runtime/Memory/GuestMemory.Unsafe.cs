// Guest RAM as the monitor sees it: one contiguous block that starts at guest-physical 0, shared with the stub processes when
// it comes from a memfd. Everything outside is open bus: reads give ones, writes are lost.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Runtime.Memory;

/// <summary>Bounds-checked access to guest RAM by guest-physical address. Accesses may be unaligned and may straddle the end.</summary>
public sealed unsafe partial class GuestMemory : IDisposable
{
    /// <summary>MADV_REMOVE.</summary>
    private const int AdviseRemove = 9;

    private readonly byte* _base;
    private readonly bool _owned;

    /// <summary>Private RAM for an engine that shares it with nobody. Zero-filled.</summary>
    /// <param name="length">Bytes; a multiple of 4096.</param>
    /// <param name="deviceLength">Bytes of device memory behind it, likewise.</param>
    public GuestMemory(ulong length, ulong deviceLength = 0)
        : this((byte*)NativeMemory.AlignedAlloc((nuint)(length + deviceLength), 4096), length + deviceLength)
    {
        _owned = true;
        RamLength = length;
        NativeMemory.Clear(_base, (nuint)Length);
    }

    /// <summary>RAM in a mapping that someone else owns and that outlives this object.</summary>
    internal GuestMemory(byte* mapping, ulong length)
    {
        if (length == 0 || length % 4096 != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "RAM is a whole number of 4 KiB frames");
        }

        _base = mapping;
        Length = length;
        RamLength = length;
    }

    /// <summary>All bytes that can be accessed: RAM, and the device memory that begins where RAM ends.</summary>
    public ulong Length { get; }

    /// <summary>Bytes of RAM; no memory map speaks of what is behind.</summary>
    public ulong RamLength { get; init; }

    /// <summary>Whoever derives something from the contents of frames, and must hear of what devices write; null for nobody.</summary>
    public IFrameWatch? Watch { get; set; }

    /// <summary>Number of 4 KiB frames.</summary>
    public uint FrameCount => (uint)(Length >> 12);

    public bool Contains(GuestPhysicalAddress address, uint bytes) => address.Value <= Length && bytes <= Length - address.Value;

    /// <summary>The bytes of a range that lies in RAM.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in RAM.</exception>
    public Span<byte> Slice(GuestPhysicalAddress address, int length)
    {
        if (length < 0 || !Contains(address, (uint)length))
        {
            throw new ArgumentOutOfRangeException(nameof(address), $"{address} + {length} is outside guest RAM of {Length} bytes");
        }

        // SAFETY: the range was just checked against the mapping.
        return new Span<byte>(_base + address.Value, length);
    }

    /// <summary>The 4096 bytes of a frame in RAM.</summary>
    public Span<byte> FrameBytes(uint frame) => Slice(new GuestPhysicalAddress((ulong)frame << 12), 4096);

    /// <summary>Where a frame is in the monitor's own address space, for system calls that transfer straight from and to guest memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The frame is not in RAM.</exception>
    internal nint HostAddress(uint frame) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(FrameBytes(frame)));

    /// <summary>Forgets a frame's contents and gives its memory back to the host; it reads as zeros from then on.</summary>
    public void Discard(uint frame)
    {
        Span<byte> bytes = FrameBytes(frame);
        // SAFETY: the range is one whole frame of the mapping. Where the host cannot punch a hole (private memory), it is cleared instead.
        if (!OperatingSystem.IsLinux() || Advise((void*)HostAddress(frame), (nuint)bytes.Length, AdviseRemove) != 0)
        {
            bytes.Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Read8(ulong address)
        // SAFETY: the index is below Length.
        => address < Length ? _base[address] : (byte)0xFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ushort Read16(ulong address)
        // SAFETY: both bytes are below Length.
        => address + 2 <= Length && address < Length ? Unsafe.ReadUnaligned<ushort>(_base + address) : (ushort)(Read8(address) | Read8(address + 1) << 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Read32(ulong address)
        // SAFETY: all four bytes are below Length.
        => address + 4 <= Length && address < Length ? Unsafe.ReadUnaligned<uint>(_base + address) : Read16(address) | (uint)Read16(address + 2) << 16;

    public ulong Read64(ulong address) => Read32(address) | (ulong)Read32(address + 4) << 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write8(ulong address, byte value)
    {
        if (address < Length)
        {
            // SAFETY: the index is below Length.
            _base[address] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write16(ulong address, ushort value)
    {
        if (address + 2 <= Length && address < Length)
        {
            // SAFETY: both bytes are below Length.
            Unsafe.WriteUnaligned(_base + address, value);
            return;
        }

        Write8(address, (byte)value);
        Write8(address + 1, (byte)(value >> 8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write32(ulong address, uint value)
    {
        if (address + 4 <= Length && address < Length)
        {
            // SAFETY: all four bytes are below Length.
            Unsafe.WriteUnaligned(_base + address, value);
            return;
        }

        Write16(address, (ushort)value);
        Write16(address + 2, (ushort)(value >> 16));
    }

    public void Write64(ulong address, ulong value)
    {
        Write32(address, (uint)value);
        Write32(address + 4, (uint)(value >> 32));
    }

    public void Dispose()
    {
        if (_owned)
        {
            NativeMemory.AlignedFree(_base);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
