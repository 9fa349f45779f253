// How many exits a measurement of the guest's own took: it says on its console when one begins and ends. Between the guest's consoles and
// the terminal.
using System.Text;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Time;

namespace Runtime.Reporting;

/// <summary>Listens for <c>disk NAME begins</c> and <c>disk NAME bytes ...</c> (<see cref="DeviceFigure"/>). What the guest says changes nothing but this account.</summary>
internal sealed class ExitMarks(ISerialEndpoint terminal, ExitCounters counters) : ISerialEndpoint, ITimedDevice
{
    private const int LongestLine = 200, MostNames = 100;

    private readonly StringBuilder _line = new();
    private readonly Dictionary<string, IReadOnlyDictionary<string, long>> _begun = [];
    private readonly Dictionary<string, IReadOnlyDictionary<string, long>> _exits = [];
    private IReadOnlyDictionary<string, long> _atLineStart = counters.LeavingsByReason();

    /// <summary>By the measurement's name, then by reason.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> Exits => _exits;

    public long NextDeadline => (terminal as ITimedDevice)?.NextDeadline ?? DeadlineQueue.Never;

    public bool HasArrived => terminal.HasArrived;

    public void Advance(long now) => (terminal as ITimedDevice)?.Advance(now);

    public void AcknowledgeArrival() => terminal.AcknowledgeArrival();

    public bool TryReceive(out byte value) => terminal.TryReceive(out value);

    public void Send(byte value)
    {
        terminal.Send(value);
        if (_line.Length == 0)
        {
            // To print a result takes exits too, one for each character of a serial port: they are not the measurement's.
            _atLineStart = counters.LeavingsByReason();
        }

        if (value == '\n')
        {
            Read(_line.ToString().TrimEnd('\r'));
            _line.Clear();
        }
        else if (_line.Length < LongestLine)
        {
            _line.Append((char)value);
        }
    }

    private void Read(string line)
    {
        switch (line.Split(' '))
        {
            case ["disk", string name, "begins"] when _begun.Count < MostNames:
                _begun[name] = counters.LeavingsByReason();
                break;
            case ["disk", string name, "bytes", ..] when _begun.Remove(name, out IReadOnlyDictionary<string, long>? before) && _exits.Count < MostNames:
                _exits[name] = _atLineStart.ToDictionary(reason => reason.Key, reason => Math.Max(0, reason.Value - before.GetValueOrDefault(reason.Key)));
                break;
        }
    }
}
