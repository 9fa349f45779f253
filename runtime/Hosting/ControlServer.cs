// The host's side of its socket. A request is one line, an answer "ok" or "error: why" and what was asked for; then the connection is closed.
// Whatever comes in is bounded in length and time, and costs the guests nothing.
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Runtime.Reporting;

namespace Runtime.Hosting;

/// <summary>Listens as long as it lives.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class ControlServer : IDisposable
{
    private const int MaximumRequest = 256;
    private const int MaximumConnections = 16;
    private const int ReceiveMilliseconds = 2000, SendMilliseconds = 2000, ConsolePollMilliseconds = 10;

    private readonly GuestHost _host;
    private readonly Socket _socket;
    private readonly string _path;
    private readonly Action _stopHost;
    private int _connections;
    private volatile bool _isStopped;

    /// <param name="stopHost">Ends the host and all its guests.</param>
    /// <exception cref="IOException">It cannot listen there.</exception>
    public ControlServer(GuestHost host, string path, Action stopHost)
    {
        (_host, _path, _stopHost) = (host, path, stopHost);
        _socket = ControlPlace.Listen(path);
        new Thread(Accept) { Name = "control", IsBackground = true }.Start();
    }

    public void Dispose()
    {
        _isStopped = true;
        _socket.Dispose();
        File.Delete(_path);
    }

    private void Accept()
    {
        while (!_isStopped)
        {
            try
            {
                Socket connection = _socket.Accept();
                if (Interlocked.Increment(ref _connections) > MaximumConnections)
                {
                    Interlocked.Decrement(ref _connections);
                    connection.Dispose();
                    continue;
                }

                new Thread(() => Serve(connection), maxStackSize: 256 << 10) { Name = "control connection", IsBackground = true }.Start();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // Closed, or a connection that was gone before it was taken.
            }
        }
    }

    private void Serve(Socket connection)
    {
        try
        {
            using (connection)
            {
                (connection.ReceiveTimeout, connection.SendTimeout) = (ReceiveMilliseconds, SendMilliseconds);
                if (PeerCredentials.UserOf(connection) != PeerCredentials.OwnUser)
                {
                    Answer(connection, "error: this host belongs to another user\n");
                }
                else if (TryReadRequest(connection, out string request))
                {
                    Perform(connection, request);
                }
                else
                {
                    Answer(connection, "error: not a request\n");
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Whoever asked is gone, or does not listen.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    /// <summary>One line of printable ASCII, within the time for all of it.</summary>
    private static bool TryReadRequest(Socket connection, out string request)
    {
        byte[] buffer = new byte[MaximumRequest];
        int length = 0;
        long deadline = Environment.TickCount64 + ReceiveMilliseconds;
        request = "";
        while (length < buffer.Length && Environment.TickCount64 < deadline)
        {
            int received = connection.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
            if (received == 0)
            {
                return false;
            }

            int end = Array.IndexOf(buffer, (byte)'\n', length, received);
            length += received;
            if (end >= 0)
            {
                request = Encoding.ASCII.GetString(buffer, 0, end);
                return request.All(character => character is >= ' ' and <= '~');
            }
        }

        return false;
    }

    private void Perform(Socket connection, string request)
    {
        string[] words = request.Split(' ');
        switch (words)
        {
            case ["report"]:
                Answer(connection, "ok\n" + AccountJson.Write(_host.Report()));
                break;
            case ["metrics"]:
                Answer(connection, "ok\n" + PrometheusText.Write(_host.Report()));
                break;
            case ["stop"]:
                Answer(connection, "ok\n");
                _stopHost();
                break;
            case ["pause" or "resume" or "stop" or "console" or "xenstore", string name] when !_host.TryFind(name, out _):
                Answer(connection, $"error: no guest {name}\n");
                break;
            case ["memory", string name, string size] when ulong.TryParse(size, out ulong bytes):
                string? refusal = _host.TryFind(name, out HostedGuest? grown) ? _host.SetMemory(grown, bytes) : "no guest " + name;
                Answer(connection, refusal is null ? "ok\n" : $"error: {refusal}\n");
                break;
            case ["xenstore", string name] when _host.TryFind(name, out HostedGuest? guest):
                Answer(connection, guest.ListStore() is string store ? "ok\n" + store : $"error: guest {name} has no XenStore, or has ended\n");
                break;
            case ["console", string name] when _host.TryFind(name, out HostedGuest? guest):
                Answer(connection, "ok\n");
                Attach(connection, guest);
                break;
            case ["pause" or "resume" or "stop", string name] when _host.TryFind(name, out HostedGuest? guest):
                bool isDone = words[0] switch
                {
                    "pause" => guest.Pause(),
                    "resume" => guest.Resume(),
                    _ => guest.Stop(Outcome.Stopped),
                };
                Answer(connection, isDone ? "ok\n" : $"error: guest {name} has ended\n");
                break;
            default:
                Answer(connection, "error: not a request\n");
                break;
        }
    }

    /// <summary>Joins the connection to a guest's serial port until either ends.</summary>
    private static void Attach(Socket connection, HostedGuest guest)
    {
        connection.ReceiveTimeout = ConsolePollMilliseconds;
        byte[] buffer = new byte[4096];
        long position = 0;
        while (true)
        {
            for (int count; (count = guest.Console.Read(ref position, buffer)) > 0;)
            {
                connection.Send(buffer, 0, count, SocketFlags.None);
            }

            if (guest.Outcome is not null && position == guest.Console.Sent)
            {
                return;
            }

            try
            {
                int received = connection.Receive(buffer);
                if (received == 0)
                {
                    return;
                }

                guest.Type(buffer.AsSpan(0, received));
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                // Nothing was typed.
            }
        }
    }

    private static void Answer(Socket connection, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += connection.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }
    }
}
