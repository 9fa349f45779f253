// Guest RAM as the monitor sees it: one contiguous block that starts at guest-physical 0, shared with the stub processes when
// it comes from a memfd. What lies above it belongs to devices, or to nobody: then reads give ones, writes are lost.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Runtime.Memory;

/// <summary>Bounds-checked access to guest RAM by guest-physical address. Accesses may be unaligned and may straddle the end.</summary>
public sealed unsafe partial class GuestMemory : IDisposable
{
    public const int FrameSize = 4096;

    /// <summary>MADV_REMOVE.</summary>
    private const int AdviseRemove = 9;

    private readonly byte* _base;
    private readonly void* _allocation;

    /// <summary>Private RAM for an engine that shares it with nobody. Zero-filled.</summary>
    /// <param name="length">Bytes; a multiple of 4096.</param>
    /// <param name="deviceLength">Bytes of device memory behind it, likewise.</param>
    public GuestMemory(ulong length, ulong deviceLength = 0)
        : this(NativeMemory.AllocZeroed((nuint)(length + deviceLength) + FrameSize), length + deviceLength)
        => RamLength = length;

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

    // SAFETY: a frame more was allocated than is used, so the aligned start lies in it. Zeroed by calloc, which does not touch fresh pages.
    private GuestMemory(void* allocation, ulong length)
        : this((byte*)((nuint)allocation + FrameSize - 1 & ~(nuint)(FrameSize - 1)), length)
        => _allocation = allocation;

    /// <summary>Devices above RAM; null for none.</summary>
    public IDeviceMemory? Devices { get; set; }

    /// <summary>Accesses by the processor to what is not RAM, so far.</summary>
    public long DeviceAccesses { get; private set; }

    /// <summary>Hears of what devices have stored in RAM by themselves: first byte and length. Set by the processor, which may hold copies of
    /// code; called on its thread.</summary>
    public Action<GuestPhysicalAddress, int>? StoredByDevice { get; set; }

    /// <summary>Whether the processor holds copies of code from a frame: then <see cref="StoredByDevice"/> must be called before the guest hears of
    /// a transfer into it. Null for a processor that holds none. Safe from any thread.</summary>
    public Func<uint, bool>? HoldsCode { get; set; }

    /// <summary>All bytes that can be accessed directly: RAM, and device memory that begins where RAM ends.</summary>
    public ulong Length { get; }

    /// <summary>Bytes of RAM; no memory map speaks of what is behind.</summary>
    public ulong RamLength { get; init; }

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

    /// <summary>The same for calls that keep it longer; the caller sees to it that RAM lives on meanwhile.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in RAM.</exception>
    public Memory<byte> Borrow(GuestRange range)
    {
        _ = Slice(range.Address, range.Length);

        // SAFETY: the range was just checked against the mapping.
        return new GuestMemoryView(_base + range.Address.Value, range.Length).Memory;
    }

    /// <summary>A device has stored in these ranges by itself. On the thread of the processor.</summary>
    public void Stored(IEnumerable<GuestRange> ranges)
    {
        foreach (GuestRange range in ranges)
        {
            StoredByDevice?.Invoke(range.Address, range.Length);
        }
    }

    /// <summary>The 4096 bytes of a frame in RAM.</summary>
    public Span<byte> FrameBytes(uint frame) => Slice(new GuestPhysicalAddress((ulong)frame << 12), 4096);

    /// <summary>Where a frame is in the monitor's own address space, for system calls that transfer straight from and to guest memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The frame is not in RAM.</exception>
    internal nint HostAddress(uint frame) => HostAddress(FrameBytes(frame));

    /// <inheritdoc cref="HostAddress(uint)"/>
    internal nint HostAddress(GuestRange range) => HostAddress(Slice(range.Address, range.Length));

    /// <summary>A transfer that stored to frames new to the monitor's page tables would take a fault for each. A read takes one for sixteen: Linux
    /// maps what is there of the 64 KiB around (fault-around), and allocates nothing but the frame itself.</summary>
    private static nint HostAddress(Span<byte> bytes)
    {
        ref byte first = ref MemoryMarshal.GetReference(bytes);
        if (!bytes.IsEmpty)
        {
            _ = Volatile.Read(ref first);
        }

        return (nint)Unsafe.AsPointer(ref first);
    }

    /// <summary>Whether the host holds memory for each of some frames already: the first touch of one that it does not allocates and clears it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A frame is not in RAM.</exception>
    public bool IsResident(uint frame, int count)
    {
        Span<byte> bytes = Slice(new GuestPhysicalAddress((ulong)frame << 12), count << 12);
        Span<byte> resident = stackalloc byte[count];
        // SAFETY: both ranges are as long as the call takes them to be. A host that does not know is taken to hold nothing.
        return OperatingSystem.IsLinux()
            && InCore(Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes)), (nuint)bytes.Length, (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(resident))) == 0
            && resident.IndexOf((byte)0) < 0;
    }

    /// <summary>Forgets a frame's contents and gives its memory back to the host; it reads as zeros from then on.</summary>
    public void Discard(uint frame)
    {
        Span<byte> bytes = FrameBytes(frame);
        // SAFETY: the range is one whole frame of the mapping. Where the host cannot punch a hole (private memory), it is cleared instead.
        if (!OperatingSystem.IsLinux() || Advise(Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes)), (nuint)bytes.Length, AdviseRemove) != 0)
        {
            bytes.Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Read8(ulong address)
        // SAFETY: the index is below Length.
        => address < Length ? _base[address] : (byte)ReadDevice(address, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ushort Read16(ulong address)
        // SAFETY: both bytes are below Length.
        => address + 2 <= Length && address < Length ? Unsafe.ReadUnaligned<ushort>(_base + address) : (ushort)ReadDevice(address, 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Read32(ulong address)
        // SAFETY: all four bytes are below Length.
        => address + 4 <= Length && address < Length ? Unsafe.ReadUnaligned<uint>(_base + address) : ReadDevice(address, 4);

    public ulong Read64(ulong address) => Read32(address) | (ulong)Read32(address + 4) << 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write8(ulong address, byte value)
    {
        if (address < Length)
        {
            // SAFETY: the index is below Length.
            _base[address] = value;
            return;
        }

        DeviceAccesses++;
        Devices?.Write(address, 1, value);
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

        WriteDevice(address, 2, value);
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

        WriteDevice(address, 4, value);
    }

    public void Write64(ulong address, ulong value)
    {
        Write32(address, (uint)value);
        Write32(address + 4, (uint)(value >> 32));
    }

    public void Dispose()
    {
        // SAFETY: null for RAM that someone else owns, which free ignores.
        NativeMemory.Free(_allocation);
    }

    private uint ReadDevice(ulong address, int size)
    {
        if (address >= Length)
        {
            DeviceAccesses++;
            return Devices?.Read(address, size) ?? uint.MaxValue >> 32 - 8 * size;
        }

        // Across the end of RAM.
        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (uint)Read8(address + (uint)i) << 8 * i;
        }

        return value;
    }

    private void WriteDevice(ulong address, int size, uint value)
    {
        if (address >= Length)
        {
            DeviceAccesses++;
            Devices?.Write(address, size, value);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            Write8(address + (uint)i, (byte)(value >> 8 * i));
        }
    }

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int InCore(void* address, nuint length, byte* resident);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
