using System.Buffers.Binary;

namespace Runtime.Network.User;

/// <summary>Gives each guest an address (RFC 2131), the same as long as the network runs: the first one that asks gets 10.0.2.15.</summary>
internal sealed class DhcpServer
{
    public const ushort ServerPort = 67, ClientPort = 68;
    private const int FixedLength = 240;
    private const uint Cookie = 0x6382_5363;
    private const byte Discover = 1, Offer = 2, Request = 3, Acknowledge = 5, Refuse = 6, Inform = 8;
    private const byte OptionMask = 1, OptionRouter = 3, OptionNameServer = 6, OptionRequestedAddress = 50, OptionLeaseTime = 51, OptionType = 53, OptionServer = 54;
    private const uint LeaseSeconds = 86_400;

    private readonly Dictionary<MacAddress, Ipv4> _leases = [];
    private readonly Dictionary<Ipv4, MacAddress> _owners = [];

    /// <summary>Whose address this is, or null.</summary>
    public MacAddress? OwnerOf(Ipv4 address) => _owners.TryGetValue(address, out MacAddress owner) ? owner : null;

    /// <summary>The answer to a message from a client; null for none.</summary>
    /// <param name="source">Sender of the frame: a client asks for itself only.</param>
    public EthernetFrame? Answer(MacAddress source, ReadOnlySpan<byte> message)
    {
        if (message.Length < FixedLength || message[0] != 1 || message[2] != MacAddress.Length
            || BinaryPrimitives.ReadUInt32BigEndian(message[236..]) != Cookie || MacAddress.Read(message[28..]) != source)
        {
            return null;
        }

        ReadOnlySpan<byte> options = message[FixedLength..];
        byte type = Option(options, OptionType) is { Length: 1 } kind ? kind[0] : (byte)0;
        if (type is not (Discover or Request or Inform) || Lease(source) is not Ipv4 lease)
        {
            return null;
        }

        ReadOnlySpan<byte> server = Option(options, OptionServer);
        if (type == Request && server.Length == 4 && Ipv4.Read(server) != Subnet.Gateway)
        {
            return null; // it has chosen another server
        }

        ReadOnlySpan<byte> wanted = Option(options, OptionRequestedAddress);
        Ipv4 claimed = wanted.Length == 4 ? Ipv4.Read(wanted) : Ipv4.Read(message[12..]);
        byte answer = type == Discover ? Offer : type == Request && claimed != lease && claimed.Value != 0 ? Refuse : Acknowledge;
        return Build(source, message, lease, answer);
    }

    private Ipv4? Lease(MacAddress client)
    {
        if (_leases.TryGetValue(client, out Ipv4 lease))
        {
            return lease;
        }

        if (_leases.Count == Subnet.Leases)
        {
            return null;
        }

        lease = Subnet.Lease(_leases.Count);
        _leases.Add(client, lease);
        _owners.Add(lease, client);
        return lease;
    }

    private static EthernetFrame Build(MacAddress client, ReadOnlySpan<byte> question, Ipv4 lease, byte type)
    {
        byte[] reply = new byte[FixedLength + 60];
        reply[0] = 2;
        reply[1] = 1;
        reply[2] = MacAddress.Length;
        question[4..8].CopyTo(reply.AsSpan(4)); // transaction
        question[10..12].CopyTo(reply.AsSpan(10)); // flags
        if (type != Refuse)
        {
            lease.Write(reply.AsSpan(16));
        }

        Subnet.Gateway.Write(reply.AsSpan(20));
        question[28..44].CopyTo(reply.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(236), Cookie);
        Span<byte> at = reply.AsSpan(FixedLength);
        at = Put(at, OptionType, [type]);
        at = Put(at, OptionServer, Subnet.Gateway.Value);
        if (type != Refuse)
        {
            at = Put(at, OptionMask, Subnet.Mask.Value);
            at = Put(at, OptionRouter, Subnet.Gateway.Value);
            at = Put(at, OptionNameServer, Subnet.NameServer.Value);
            at = Put(at, OptionLeaseTime, LeaseSeconds);
        }

        at[0] = 0xFF;
        return PacketBuilder.BuildUdp(MacAddress.Broadcast, Subnet.Gateway, ServerPort, new Ipv4(uint.MaxValue), ClientPort, reply);
    }

    private static Span<byte> Put(Span<byte> at, byte option, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Put(at, option, bytes);
    }

    private static Span<byte> Put(Span<byte> at, byte option, scoped ReadOnlySpan<byte> value)
    {
        at[0] = option;
        at[1] = (byte)value.Length;
        value.CopyTo(at[2..]);
        return at[(2 + value.Length)..];
    }

    /// <summary>The value of an option, empty if it is not there or does not fit (RFC 2132, 2).</summary>
    private static ReadOnlySpan<byte> Option(ReadOnlySpan<byte> options, byte wanted)
    {
        while (options.Length >= 2 && options[0] != 0xFF)
        {
            if (options[0] == 0)
            {
                options = options[1..];
                continue;
            }

            int length = options[1];
            if (length > options.Length - 2)
            {
                break;
            }

            if (options[0] == wanted)
            {
                return options.Slice(2, length);
            }

            options = options[(2 + length)..];
        }

        return [];
    }
}
