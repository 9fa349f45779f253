using System.Net.Sockets;
using System.Text;

namespace Runtime.Hosting;

/// <summary>The user's side of a host's socket.</summary>
internal sealed class ControlClient(string path)
{
    private const int TimeoutMilliseconds = 5000;

    /// <summary>Asks, and returns what is answered.</summary>
    /// <exception cref="IOException">No host is there, or it refuses; the message says which.</exception>
    public string Ask(string request)
    {
        using Socket socket = Send(request);
        using var reader = new StreamReader(new NetworkStream(socket), Encoding.UTF8);
        try
        {
            string first = reader.ReadLine() ?? throw new IOException($"the host at {path} hung up");
            return first == "ok" ? reader.ReadToEnd() : throw new IOException(first.StartsWith("error: ", StringComparison.Ordinal) ? first[7..] : first);
        }
        catch (IOException exception) when (exception.InnerException is SocketException)
        {
            throw new IOException($"the host at {path} does not answer");
        }
    }

    /// <summary>Opens a connection that stays: what comes after the answer "ok" is the caller's.</summary>
    /// <exception cref="IOException">As above.</exception>
    public Socket Open(string request)
    {
        Socket socket = Send(request);
        var line = new StringBuilder();
        byte[] one = new byte[1];
        while (line.Length < 1024 && socket.Receive(one) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        if (line.ToString() == "ok")
        {
            socket.ReceiveTimeout = 0;
            return socket;
        }

        socket.Dispose();
        throw new IOException(line.ToString().Replace("error: ", "", StringComparison.Ordinal));
    }

    private Socket Send(string request)
    {
        Socket socket = ControlPlace.Connect(path);
        (socket.ReceiveTimeout, socket.SendTimeout) = (TimeoutMilliseconds, TimeoutMilliseconds);
        socket.Send(Encoding.ASCII.GetBytes(request + "\n"));
        return socket;
    }
}
