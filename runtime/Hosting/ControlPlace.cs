// Where a host listens: a socket in a directory that only its owner can enter.
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Runtime.Hosting;

/// <summary>Finds and guards that place.</summary>
internal static class ControlPlace
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The socket that a user gets who names none.</summary>
    public static string DefaultPath
    {
        get
        {
            string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
            string folder = string.IsNullOrEmpty(runtime) ? Path.Combine(Path.GetTempPath(), $"rewriter-{PeerCredentials.OwnUser}") : Path.Combine(runtime, "rewriter");
            return Path.Combine(folder, "host.sock");
        }
    }

    /// <summary>Binds a listening socket there.</summary>
    /// <exception cref="IOException">The place is not the user's own, or a host listens there already.</exception>
    [UnsupportedOSPlatform("windows")]
    public static Socket Listen(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, OwnerOnly);
        }

        if (PeerCredentials.OwnerOf(folder) != PeerCredentials.OwnUser)
        {
            throw new IOException($"{folder} belongs to another user");
        }

        if ((File.GetUnixFileMode(folder) & ~OwnerOnly) != 0)
        {
            throw new IOException($"{folder} can be entered by others; its mode must be 0700");
        }

        RemoveStale(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(16);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new IOException($"{path}: {(exception is ArgumentException ? "too long for the name of a socket" : exception.Message)}");
        }
    }

    public static Socket Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new IOException($"no host is running at {path}");
        }
    }

    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            Connect(path).Dispose();
        }
        catch (IOException)
        {
            File.Delete(path);
            return;
        }

        throw new IOException($"a host is running at {path} already");
    }
}
