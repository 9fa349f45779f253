// Who is at the other end of a local socket, and whose a file is: .NET does not say.
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Runtime.Hosting;

/// <summary>Users by number.</summary>
internal static unsafe partial class PeerCredentials
{
    private const int SolSocket = 1, SoPeercred = 17, CurrentDirectory = -100, StatxUid = 8, StatxSize = 256, UidAt = 20;

    public static uint OwnUser => geteuid();

    /// <summary>The user whose process connected, as the host's kernel vouches for it (unix(7), SO_PEERCRED); null when it cannot be told.</summary>
    public static uint? UserOf(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
        return socket.GetRawSocketOption(SolSocket, SoPeercred, credentials) == credentials.Length ? BitConverter.ToUInt32(credentials[4..]) : null;
    }

    /// <summary>The owner of a file; null when it cannot be told.</summary>
    public static uint? OwnerOf(string path)
    {
        byte* fields = stackalloc byte[StatxSize];

        // SAFETY: the buffer is as large as struct statx, which the kernel fills.
        return statx(CurrentDirectory, path, 0, StatxUid, fields) == 0 ? *(uint*)(fields + UidAt) : null;
    }

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* fields);
}
