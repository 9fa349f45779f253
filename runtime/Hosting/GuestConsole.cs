// A hosted guest's serial port: what it sends is kept, the last part of it, and shown to whoever is attached; what they type it receives.
using Runtime.Devices;

namespace Runtime.Hosting;

/// <summary>The guest's side is for the thread of its virtual processor, the rest for any thread. A guest is never made to wait.</summary>
internal sealed class GuestConsole(Stream? log) : ISerialEndpoint, IDisposable
{
    private const int Kept = 64 << 10;
    private const int InputCapacity = 16 << 10;

    private readonly byte[] _ring = new byte[Kept];
    private readonly Queue<byte> _input = new();
    private readonly Lock _inputLock = new();
    private readonly byte[] _line = new byte[256];
    private int _lineLength;
    private bool _logIsBroken;
    private long _sent;
    private volatile bool _hasArrived;
    private volatile int _available;

    public bool HasArrived => _hasArrived;

    /// <summary>How many bytes the guest has sent so far.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    public void AcknowledgeArrival() => _hasArrived = false;

    public void Send(byte value)
    {
        lock (_ring)
        {
            _ring[_sent % Kept] = value;
            _sent++;
        }

        _line[_lineLength++] = value;
        if (value == '\n' || _lineLength == _line.Length)
        {
            WriteLog();
        }
    }

    public bool TryReceive(out byte value)
    {
        value = 0;
        if (_available == 0)
        {
            return false;
        }

        lock (_inputLock)
        {
            value = _input.Dequeue();
            _available = _input.Count;
            return true;
        }
    }

    /// <summary>Types something. What the guest does not read in time is dropped beyond a bound.</summary>
    public void Type(ReadOnlySpan<byte> bytes)
    {
        lock (_inputLock)
        {
            foreach (byte value in bytes[..Math.Min(bytes.Length, InputCapacity - _input.Count)])
            {
                _input.Enqueue(value);
            }

            _available = _input.Count;
            _hasArrived = true;
        }
    }

    /// <summary>Copies what the guest has sent since a position.</summary>
    /// <param name="position">Moved on; what is no longer kept is skipped.</param>
    public int Read(ref long position, Span<byte> destination)
    {
        lock (_ring)
        {
            position = Math.Max(position, _sent - Kept);
            int count = (int)Math.Min(destination.Length, _sent - position);
            for (int i = 0; i < count; i++)
            {
                destination[i] = _ring[(position + i) % Kept];
            }

            position += count;
            return count;
        }
    }

    public void Dispose()
    {
        WriteLog();
        log?.Dispose();
    }

    /// <summary>A log that cannot be written any more is given up; the guest goes on.</summary>
    private void WriteLog()
    {
        int length = _lineLength;
        _lineLength = 0;
        if (log is null || _logIsBroken)
        {
            return;
        }

        try
        {
            log.Write(_line, 0, length);
            log.Flush();
        }
        catch (IOException)
        {
            _logIsBroken = true;
        }
    }
}
