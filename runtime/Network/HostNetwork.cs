// A network as the host has it: the switch and its thread, the way out, and the capture file.
using Runtime.Accounts;
using Runtime.Network.User;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>A socket of a network for one machine's card.</summary>
/// <param name="Number">Which of the machines on the network it is, from 0: its hardware address is made of it.</param>
/// <param name="Account">Counts its frames, or null.</param>
public sealed record NetworkPlug(HostNetwork Network, uint Number = 0, NetworkAccount? Account = null)
{
    /// <summary>Plugs the machine in.</summary>
    public GuestPort Connect(CompletionQueue completions) => Network.AddGuest(completions, Number, Account);
}

/// <summary>What machines are plugged into. Disposing it ends all of it; guests that are still plugged in speak to nobody.</summary>
public sealed class HostNetwork(IClock clock) : IDisposable
{
    private readonly NetworkThread _thread = new(clock);
    private readonly List<IDisposable> _clients = [];
    private readonly StallWatch _stalls = new(clock);
    private readonly NetworkBill _bill = new();
    private PcapWriter? _capture;

    /// <summary>The way out by sockets of the host, with ports that lead in.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">A port of the host cannot be had.</exception>
    public void AddUserNetwork(IReadOnlyList<PortForward> forwards) => _clients.Add(new UserNetwork(_thread, forwards));

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such interface, or the user may not use it.</exception>
    public void AddTap(string name) => _clients.Add(new TapInterface(_thread, name));

    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not write it.</exception>
    public void Capture(string path)
    {
        _capture = new PcapWriter(path, clock);
        _thread.Switch.Tap = _capture.Write;
    }

    /// <summary>A cable for one more guest.</summary>
    /// <param name="number">What the guest's hardware address is made of; its own.</param>
    /// <param name="account">Counts its frames, or null.</param>
    public GuestPort AddGuest(CompletionQueue completions, uint number, NetworkAccount? account)
    {
        var guest = new GuestPort(MacAddress.ForGuest(0x12_3456 + number), completions) { Account = account };
        _thread.Invoke(() =>
        {
            guest.Plug(_thread.Switch.Connect(guest, guest.Address));
            _stalls.Add(guest);
            if (account is not null)
            {
                _bill.Add(account);
            }
        });
        return guest;
    }

    /// <summary>Takes the cable out. The guest must not use it at the same time.</summary>
    public void RemoveGuest(GuestPort guest)
    {
        if (guest.Unplug() is SwitchPort port)
        {
            _thread.Invoke(() =>
            {
                _thread.Switch.Disconnect(port);
                _stalls.Remove(guest);
            });
        }

        guest.Clear();
    }

    public void Start()
    {
        _thread.AddTimer(_stalls);
        _thread.Worked = _bill.Charge;
        _thread.Start();
    }

    public void Dispose()
    {
        _thread.Dispose();
        _clients.ForEach(client => client.Dispose());
        _capture?.Dispose();
    }
}
