// The accounts for a Prometheus server that comes and asks: HTTP on loopback, one answer to one question, all lengths and times bounded.
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Runtime.Hosting;

/// <summary>Answers <c>GET /metrics</c> (HTTP/1.1, RFC 9112) as long as it lives. One connection at a time: whoever dawdles is cut off.</summary>
internal sealed class MetricsServer : IDisposable
{
    private const int MaximumRequest = 4096;
    private const int TimeoutMilliseconds = 1000;

    private readonly Func<string> _metrics;
    private readonly TcpListener _listener;
    private volatile bool _isStopped;

    /// <param name="port">On 127.0.0.1; 0 for any that is free.</param>
    /// <param name="metrics">Prometheus' text format. Any thread.</param>
    /// <exception cref="SocketException">The port cannot be had.</exception>
    public MetricsServer(int port, Func<string> metrics)
    {
        _metrics = metrics;
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start(backlog: 4);
        new Thread(Accept) { Name = "metrics", IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose()
    {
        _isStopped = true;
        _listener.Dispose();
    }

    private void Accept()
    {
        while (!_isStopped)
        {
            try
            {
                using Socket connection = _listener.AcceptSocket();
                (connection.ReceiveTimeout, connection.SendTimeout) = (TimeoutMilliseconds, TimeoutMilliseconds);
                Serve(connection);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed, or whoever asked is gone.
            }
        }
    }

    private void Serve(Socket connection)
    {
        string request = ReadHead(connection);
        string[] words = request[..Math.Max(0, request.IndexOf('\r'))].Split(' ');
        (string status, string type, string body) = words switch
        {
            ["GET", "/metrics", "HTTP/1.0" or "HTTP/1.1"] => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", _metrics()),
            ["GET", _, "HTTP/1.0" or "HTTP/1.1"] => ("404 Not Found", "text/plain", "the accounts are at /metrics\n"),
            [_, _, "HTTP/1.0" or "HTTP/1.1"] => ("405 Method Not Allowed", "text/plain", "GET only\n"),
            _ => ("400 Bad Request", "text/plain", "not a request\n"),
        };
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        byte[] head = Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n");
        SendAll(connection, head);
        SendAll(connection, bytes);
        connection.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Up to the empty line, within the time for all of it; nothing when that does not come.</summary>
    private static string ReadHead(Socket connection)
    {
        byte[] buffer = new byte[MaximumRequest];
        int length = 0;
        long deadline = Environment.TickCount64 + TimeoutMilliseconds;
        while (length < buffer.Length && Environment.TickCount64 < deadline)
        {
            int received = connection.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
            length += received;
            if (received == 0 || buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
            {
                return Encoding.ASCII.GetString(buffer, 0, length);
            }
        }

        return "";
    }

    private static void SendAll(Socket connection, byte[] bytes)
    {
        long deadline = Environment.TickCount64 + TimeoutMilliseconds;
        for (int sent = 0; sent < bytes.Length && Environment.TickCount64 < deadline;)
        {
            sent += connection.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }
    }
}
