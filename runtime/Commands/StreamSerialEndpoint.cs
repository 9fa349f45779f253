using Runtime.Devices;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>Connects a serial port to streams. Output is gathered to lines, or to what a guest writes within a few milliseconds; input waits
/// in a bounded buffer until the port has room.</summary>
internal sealed class StreamSerialEndpoint(Stream output, IClock clock) : ISerialEndpoint, ITimedDevice, IDisposable
{
    private const long FlushAfterNanoseconds = 5_000_000;
    private const int InputCapacity = 65_536;

    private readonly byte[] _pending = new byte[4096];
    private readonly Queue<byte> _input = new();
    private volatile bool _hasArrived;
    private volatile int _available;
    private int _length;
    private bool _isBroken;

    public bool HasArrived => _hasArrived;

    /// <summary>When the oldest byte that is still pending is to be written.</summary>
    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    public void AcknowledgeArrival() => _hasArrived = false;

    public void Advance(long now) => Flush();

    public void Send(byte value)
    {
        if (_length == 0)
        {
            NextDeadline = clock.Now + FlushAfterNanoseconds;
        }

        _pending[_length++] = value;
        if (value == '\n' || _length == _pending.Length)
        {
            Flush();
        }
    }

    public bool TryReceive(out byte value)
    {
        value = 0;
        if (_available == 0)
        {
            return false;
        }

        lock (_input)
        {
            value = _input.Dequeue();
            _available = _input.Count;
            Monitor.Pulse(_input);
            return true;
        }
    }

    /// <summary>Writes what is pending. When nobody reads any more, the guest goes on unheard.</summary>
    public void Flush()
    {
        NextDeadline = DeadlineQueue.Never;
        int length = _length;
        _length = 0;
        if (length == 0 || _isBroken)
        {
            return;
        }

        try
        {
            output.Write(_pending, 0, length);
            output.Flush();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _isBroken = true;
        }
    }

    public void StartInput(Stream input, Action arrived, EscapeKeys? keys)
        => new Thread(() => ReadInput(input, arrived, keys)) { Name = "serial input", IsBackground = true }.Start();

    public void Dispose()
    {
        Flush();
        output.Dispose();
    }

    private void ReadInput(Stream input, Action arrived, EscapeKeys? keys)
    {
        byte[] buffer = new byte[1024];
        try
        {
            for (int length; (length = input.Read(buffer)) > 0; arrived())
            {
                length = keys?.Filter(buffer.AsSpan(0, length)) ?? length;
                lock (_input)
                {
                    while (_input.Count > InputCapacity)
                    {
                        Monitor.Wait(_input);
                    }

                    foreach (byte value in buffer.AsSpan(0, length))
                    {
                        _input.Enqueue(value);
                    }

                    _available = _input.Count;
                    _hasArrived = true;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A terminal that is gone sends nothing more.
        }
    }
}
