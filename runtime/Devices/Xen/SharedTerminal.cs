using Runtime.Time;

namespace Runtime.Devices.Xen;

/// <summary>One terminal for two consoles of a guest, its serial port and its console ring. What either sends is shown; what is typed goes to the
/// one that sent last: the one that prompts.</summary>
public sealed class SharedTerminal
{
    private readonly ISerialEndpoint _terminal;
    private Side _latest;

    public SharedTerminal(ISerialEndpoint terminal)
    {
        _terminal = terminal;
        var serial = new Side(this);
        (Serial, Ring, _latest) = (serial, new Side(this), serial);
    }

    public ISerialEndpoint Serial { get; }

    public ISerialEndpoint Ring { get; }

    private sealed class Side(SharedTerminal shared) : ISerialEndpoint, ITimedDevice
    {
        public long NextDeadline => (shared._terminal as ITimedDevice)?.NextDeadline ?? DeadlineQueue.Never;

        public bool HasArrived => shared._latest == this && shared._terminal.HasArrived;

        public void AcknowledgeArrival()
        {
            if (shared._latest == this)
            {
                shared._terminal.AcknowledgeArrival();
            }
        }

        public void Send(byte value)
        {
            shared._latest = this;
            shared._terminal.Send(value);
        }

        public void Advance(long now) => (shared._terminal as ITimedDevice)?.Advance(now);

        public bool TryReceive(out byte value)
        {
            value = 0;
            return shared._latest == this && shared._terminal.TryReceive(out value);
        }
    }
}
