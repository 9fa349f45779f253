using System.Buffers.Binary;
using System.Net;

namespace Runtime.Network.User;

/// <summary>An IPv4 address as a number; the first byte is the highest.</summary>
internal readonly record struct Ipv4(uint Value)
{
    public static Ipv4 Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    public static Ipv4 From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return Read(bytes);
    }

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt32BigEndian(bytes, Value);

    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[4];
        Write(bytes);
        return new IPAddress(bytes);
    }
}

/// <summary>The network that guests find: QEMU's, so that its users are at home.</summary>
internal static class Subnet
{
    private const uint Network = 10u << 24 | 2 << 8;
    private const uint FirstLease = 15, LeaseCount = 200;

    public static readonly Ipv4 Mask = new(0xFFFF_FF00);

    /// <summary>The way out; a connection to it ends at the host's own loopback.</summary>
    public static readonly Ipv4 Gateway = new(Network | 2);

    public static readonly Ipv4 NameServer = new(Network | 3);
    public static readonly Ipv4 FirstGuest = new(Network | FirstLease);
    public static readonly Ipv4 Broadcast = new(Network | 255);

    /// <summary>Of the gateway and the name server: locally administered.</summary>
    public static readonly MacAddress Mac = new(0x5255_0A00_0202);

    public static int Leases => (int)LeaseCount;

    public static Ipv4 Lease(int number) => new(Network | FirstLease + (uint)number);

    public static bool Contains(Ipv4 address) => (address.Value & Mask.Value) == Network;

    public static bool IsService(Ipv4 address) => address == Gateway || address == NameServer;
}
