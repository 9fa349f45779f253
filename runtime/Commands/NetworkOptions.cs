// --net, --forward, --pcap: from a command line to a network that a machine's card is plugged into.
using System.CommandLine;
using System.ComponentModel;
using System.Net.Sockets;
using Runtime.Loading;
using Runtime.Network;
using Runtime.Network.User;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>The network that a user describes.</summary>
/// <param name="Kind">"none", "user", "switch" or "tap:NAME".</param>
/// <param name="Pcap">Capture file, or null.</param>
public sealed record NetworkOptions(string Kind, string[] Forwards, string? Pcap)
{
    private const string TapPrefix = "tap:";

    public bool IsPresent => Kind != "none";

    /// <summary>Makes the network; null for none. It runs once <see cref="HostNetwork.Start"/> is called.</summary>
    /// <exception cref="UsageException">Something of it cannot be had.</exception>
    public HostNetwork? Open(IClock clock)
    {
        PortForward[] forwards = [.. Forwards.Select(Parse)];
        if (forwards.Length > 0 && Kind != "user")
        {
            throw new UsageException("--forward: only with --net user");
        }

        if (!IsPresent)
        {
            return Pcap is null ? null : throw new UsageException("--pcap: there is no network; use --net user");
        }

        var network = new HostNetwork(clock);
        try
        {
            if (Kind == "user")
            {
                network.AddUserNetwork(forwards);
            }
            else if (Kind.StartsWith(TapPrefix, StringComparison.Ordinal))
            {
                network.AddTap(Kind[TapPrefix.Length..]);
            }
            else if (Kind != "switch")
            {
                throw new UsageException($"--net {Kind}: not one of user, tap:NAME, switch, none");
            }

            if (Pcap is not null)
            {
                network.Capture(Pcap);
            }

            return network;
        }
        catch (Exception refused) when (refused is SocketException or Win32Exception or IOException or UnauthorizedAccessException or UsageException)
        {
            network.Dispose();
            throw refused switch
            {
                UsageException => refused,
                SocketException => new UsageException($"--forward {string.Join(" ", Forwards)}: {refused.Message}"),
                Win32Exception => new UsageException($"--net {Kind}: {refused.Message}"),
                _ => new UsageException($"--pcap {Pcap}: {FileTrouble.Reason(refused, Pcap!)}"),
            };
        }
    }

    private static PortForward Parse(string text)
        => PortForward.TryParse(text, out PortForward? forward) ? forward! : throw new UsageException($"--forward {text}: not tcp|udp:[HOST]:PORT-[GUEST]:PORT");
}

/// <summary>The same as options of a command.</summary>
internal sealed class NetworkOptionSet
{
    private readonly Option<string> _net = new("--net")
    {
        Description = "network card, and what its cable leads to",
        HelpName = "user|tap:NAME|switch|none",
        DefaultValueFactory = _ => "none",
    };

    private readonly Option<string[]> _forward = new("--forward")
    {
        Description = "port of the host that leads to the guest, e.g. tcp:127.0.0.1:2222-:22; repeatable",
        HelpName = "SPEC",
    };

    private readonly Option<string?> _pcap = new("--pcap") { Description = "write the network's frames to a capture file", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        command.Options.Add(_net);
        command.Options.Add(_forward);
        command.Options.Add(_pcap);
    }

    public NetworkOptions Read(ParseResult result) => new(result.GetRequiredValue(_net), result.GetValue(_forward) ?? [], result.GetValue(_pcap));
}
