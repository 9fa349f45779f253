using System.Net;

namespace Runtime.Network.User;

/// <summary>A port of the host whose connections or datagrams go to a guest.</summary>
/// <param name="Guest">Null for the guest that gets the first address.</param>
public sealed record PortForward(bool IsTcp, IPEndPoint Host, IPAddress? Guest, ushort GuestPort)
{
    /// <summary><c>tcp|udp:[HOST]:PORT-[GUEST]:PORT</c>; the host's address is 127.0.0.1 if none is given.</summary>
    public static bool TryParse(string text, out PortForward? forward)
    {
        forward = null;
        string[] parts = text.Split(':', 2);
        string[] ends = parts.Length == 2 ? parts[1].Split('-') : [];
        if (parts[0] is not ("tcp" or "udp") || ends.Length != 2
            || !TryParseEnd(ends[0], out IPAddress? host, out ushort hostPort) || !TryParseEnd(ends[1], out IPAddress? guest, out ushort guestPort) || guestPort == 0)
        {
            return false;
        }

        forward = new PortForward(parts[0] == "tcp", new IPEndPoint(host ?? IPAddress.Loopback, hostPort), guest, guestPort);
        return true;
    }

    public override string ToString() => $"{(IsTcp ? "tcp" : "udp")}:{Host}-{Guest}:{GuestPort}";

    private static bool TryParseEnd(string text, out IPAddress? address, out ushort port)
    {
        address = null;
        int colon = text.LastIndexOf(':');
        port = 0;
        return colon >= 0 && ushort.TryParse(text[(colon + 1)..], out port)
            && (colon == 0 || (IPAddress.TryParse(text[..colon], out address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork));
    }
}
