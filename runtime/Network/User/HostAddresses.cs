using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Runtime.Network.User;

/// <summary>Where on the host's side an address of the guests' network leads to.</summary>
internal static class HostAddresses
{
    private static readonly Lazy<IPAddress> s_resolver = new(FindResolver);

    public static IPEndPoint For(Ipv4 address, ushort port) => new(
        address == Subnet.Gateway ? IPAddress.Loopback : address == Subnet.NameServer ? s_resolver.Value : address.ToAddress(), port);

    /// <summary>The first IPv4 name server that the host uses; its loopback where it names none.</summary>
    private static IPAddress FindResolver()
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(network => network.GetIPProperties().DnsAddresses)
                .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork) ?? IPAddress.Loopback;
        }
        catch (NetworkInformationException)
        {
            return IPAddress.Loopback;
        }
    }
}
