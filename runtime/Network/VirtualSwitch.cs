// The wire between guests and to the outside: a learning switch. All but TryTransmit of its ports is for who has the network's turn.
namespace Runtime.Network;

/// <summary>An Ethernet switch. Ports send in turns, an equal share of bytes each (deficit round robin, Shreedhar and Varghese, 1995).</summary>
/// <param name="wake">Called, on any thread, when a frame waits in a queue that was empty.</param>
public sealed class VirtualSwitch(Action wake)
{
    /// <summary>Bytes that a port may send in a turn.</summary>
    public const int Quantum = EthernetFrame.LongestOnWire;

    /// <summary>A guest that claims addresses without end fills only its own share of the table.</summary>
    private const int LearnedPerPort = 64;

    private volatile SwitchPort[] _ports = [];
    private readonly Dictionary<MacAddress, SwitchPort> _stations = [];
    private int _turn;
    private bool _isTurnBegun;

    /// <summary>Sees every frame once, before it is forwarded.</summary>
    public Action<EthernetFrame>? Tap { get; set; }

    /// <summary>A frame waits in some queue. Safe from any thread.</summary>
    public bool HasWork => Array.Exists(_ports, port => !port.IsEmpty);

    /// <param name="owner">The client's own address: no other port can take it over or send in its name.</param>
    public SwitchPort Connect(ISwitchClient client, MacAddress? owner)
    {
        var port = new SwitchPort(client, owner, wake);
        _ports = [.. _ports, port];
        if (owner is MacAddress address)
        {
            _stations[address] = port;
        }

        return port;
    }

    public void Disconnect(SwitchPort port)
    {
        _ports = [.. _ports.Where(other => other != port)];
        foreach (MacAddress address in _stations.Where(station => station.Value == port).Select(station => station.Key).ToArray())
        {
            _stations.Remove(address);
        }

        while (port.TryPeek(out EthernetFrame frame))
        {
            port.Take();
            frame.Release();
        }
    }

    /// <summary>Forwards frames, port after port, until none waits or <paramref name="budget"/> frames are done. True when some may wait.</summary>
    public bool Forward(int budget)
    {
        int idle = 0;
        while (budget > 0 && idle < _ports.Length)
        {
            _turn = _turn < _ports.Length ? _turn : 0;
            SwitchPort port = _ports[_turn];
            if (port.IsEmpty)
            {
                port.Credit = 0;
                idle++;
                NextTurn();
                continue;
            }

            idle = 0;
            port.Credit += _isTurnBegun ? 0 : Quantum;
            _isTurnBegun = true;
            while (budget > 0 && port.TryPeek(out EthernetFrame frame) && frame.Length <= port.Credit)
            {
                port.Credit -= frame.Length;
                port.Take();
                budget--;
                Forward(frame, port);
            }

            port.Encourage();
            if (budget > 0)
            {
                NextTurn(); // a turn that the budget has cut short goes on the next time
            }
        }

        return idle < _ports.Length;
    }

    private void NextTurn()
    {
        _turn++;
        _isTurnBegun = false;
    }

    private void Forward(EthernetFrame frame, SwitchPort from)
    {
        // Copied once: the frame may lie in pages that the sender still writes.
        Span<byte> addresses = stackalloc byte[2 * MacAddress.Length];
        if (frame.Length is < EthernetFrame.HeaderLength or > EthernetFrame.Longest || frame.CopyTo(0, addresses) < addresses.Length
            || !TryLearn(MacAddress.Read(addresses[MacAddress.Length..]), from))
        {
            frame.Release();
            return;
        }

        Tap?.Invoke(frame);
        var destination = MacAddress.Read(addresses);
        if (!destination.IsGroup && _stations.TryGetValue(destination, out SwitchPort? station))
        {
            if (station == from)
            {
                frame.Release();
            }
            else
            {
                station.Client.Deliver(frame);
            }

            return;
        }

        foreach (SwitchPort port in _ports)
        {
            if (port != from)
            {
                frame.Hold();
                port.Client.Deliver(frame);
            }
        }

        frame.Release();
    }

    /// <summary>False for a source that another port owns, or that no station can have.</summary>
    private bool TryLearn(MacAddress source, SwitchPort from)
    {
        if (source.IsGroup)
        {
            return false;
        }

        if (_stations.TryGetValue(source, out SwitchPort? known))
        {
            if (known == from)
            {
                return true;
            }

            if (known.Owner == source)
            {
                return false;
            }

            known.LearnedCount--;
        }
        else if (from.LearnedCount >= LearnedPerPort)
        {
            return true; // forwarded, but answers to it are flooded
        }

        _stations[source] = from;
        from.LearnedCount++;
        return true;
    }
}
