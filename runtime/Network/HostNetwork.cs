// A network as the host has it: the switch and its thread, the way out, and the capture file.
using Runtime.Network.User;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>What machines are plugged into. Disposing it ends all of it; guests that are still plugged in speak to nobody.</summary>
public sealed class HostNetwork(IClock clock) : IDisposable
{
    private readonly NetworkThread _thread = new(clock);
    private readonly List<IDisposable> _clients = [];
    private PcapWriter? _capture;
    private uint _guests;

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

    /// <summary>A cable for one more guest, with an address of its own.</summary>
    public GuestPort AddGuest(CompletionQueue completions)
    {
        var guest = new GuestPort(MacAddress.ForGuest(0x12_3456 + Interlocked.Increment(ref _guests) - 1), completions);
        _thread.Invoke(() => guest.Plug(_thread.Switch.Connect(guest, guest.Address)));
        return guest;
    }

    /// <summary>Takes the cable out. The guest must not use it at the same time.</summary>
    public void RemoveGuest(GuestPort guest)
    {
        if (guest.Unplug() is SwitchPort port)
        {
            _thread.Invoke(() => _thread.Switch.Disconnect(port));
        }

        guest.Clear();
    }

    public void Start() => _thread.Start();

    public void Dispose()
    {
        _thread.Dispose();
        _clients.ForEach(client => client.Dispose());
        _capture?.Dispose();
    }
}
