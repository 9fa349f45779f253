using Runtime.Devices;
using Runtime.Loading;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>The host's end of the guest's serial port, as <c>--serial</c> names it.</summary>
internal sealed class SerialPort : IDisposable
{
    private readonly StreamSerialEndpoint? _stream;
    private readonly Stream? _input;

    private SerialPort(Stream? output, Stream? input, IClock clock)
    {
        _stream = output is null ? null : new StreamSerialEndpoint(output, clock);
        _input = input;
        UsesTerminal = input is not null && !Console.IsInputRedirected;
    }

    public ISerialEndpoint Endpoint => _stream is null ? new NullSerialEndpoint() : _stream;

    public bool UsesTerminal { get; }

    /// <param name="name">stdio, null, or the name of a file that is created or emptied.</param>
    /// <exception cref="UsageException">The file cannot be written.</exception>
    public static SerialPort Open(string name, IClock clock)
    {
        try
        {
            return name switch
            {
                "stdio" => new SerialPort(StandardStream.Output(), StandardStream.Input(), clock),
                "null" => new SerialPort(null, null, clock),
                _ => new SerialPort(new FileStream(name, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0), null, clock),
            };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"--serial {name}: {FileTrouble.Reason(exception, name)}");
        }
    }

    /// <summary>Begins to read what the user types or pipes in.</summary>
    /// <param name="arrived">Called on another thread whenever something has come.</param>
    /// <param name="keys">Takes the monitor's own keys out, at a terminal.</param>
    public void StartInput(Action arrived, EscapeKeys? keys)
    {
        if (_input is not null)
        {
            _stream!.StartInput(_input, arrived, keys);
        }
    }

    public void Flush() => _stream?.Flush();

    public void Dispose() => _stream?.Dispose();
}
