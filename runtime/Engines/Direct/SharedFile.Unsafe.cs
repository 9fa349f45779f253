using Runtime.Engines.Direct.Host;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>A memfd that the monitor has mapped whole, and that stub processes map pieces of.</summary>
internal sealed unsafe class SharedFile : IDisposable
{
    public SharedFile(string name, long length)
    {
        Length = length;
        Descriptor = LinuxHost.MemfdCreate(name, length);
        Address = LinuxHost.Map(Descriptor, 0, length);
    }

    public int Descriptor { get; }
    public long Length { get; }

    /// <summary>What the host holds for it: pages that have been touched.</summary>
    public long AllocatedBytes => LinuxHost.AllocatedBytes(Descriptor);

    /// <summary>Start of the monitor's mapping.</summary>
    public byte* Address { get; }

    /// <summary>A range of the file. What stub processes can write is hostile: copy, then validate.</summary>
    public Span<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        // SAFETY: the range was just checked against the mapping, which lives as long as this object.
        return new Span<byte>(Address + offset, length);
    }

    /// <summary>The whole file as guest memory.</summary>
    /// <param name="ramLength">Bytes of it that are RAM, the first ones.</param>
    // SAFETY: the mapping outlives the engine that owns both.
    public GuestMemory AsGuestMemory(ulong ramLength) => new(Address, (ulong)Length) { RamLength = ramLength };

    public void Dispose()
    {
        LinuxHost.Unmap(Address, Length);
        LinuxHost.Close(Descriptor);
    }
}
