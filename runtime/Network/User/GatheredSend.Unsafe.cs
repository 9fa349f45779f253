// A frame lies in as many pieces as the guest has pages for it. To a stream they go in one system call: sent one by one, each would also be a
// segment of its own on the host's side.
using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Runtime.Memory;

namespace Runtime.Network.User;

/// <summary>sendmsg(2) for memory that is no array; where there is none, one piece after the other.</summary>
internal static unsafe partial class GatheredSend
{
    private const int DontWait = 0x40, NoSignal = 0x4000;
    private const int InterruptedCall = 4, WouldBlock = 11;

    /// <summary>More are left for later.</summary>
    private const int MaximumPieces = 64;

    /// <summary>Sends as much as the socket takes without waiting.</summary>
    /// <returns>Bytes that it took; 0 with an <paramref name="error"/>.</returns>
    public static int Send(Socket socket, IReadOnlyList<ReadOnlyMemory<byte>> pieces, out SocketError error)
    {
        error = SocketError.Success;
        if (pieces.Count > 1 && OperatingSystem.IsLinux())
        {
            return SendAtOnce(socket, pieces, out error);
        }

        int sent = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            int length = Math.Max(0, socket.Send(piece.Span, SocketFlags.None, out error));
            sent += length;
            if (length < piece.Length)
            {
                break;
            }
        }

        return sent;
    }

    private static int SendAtOnce(Socket socket, IReadOnlyList<ReadOnlyMemory<byte>> pieces, out SocketError error)
    {
        int count = Math.Min(pieces.Count, MaximumPieces);
        IoVector* vectors = stackalloc IoVector[MaximumPieces];
        var pins = new MemoryHandle[count];
        for (int i = 0; i < count; i++)
        {
            pins[i] = pieces[i].Pin();
            vectors[i] = new IoVector((nint)pins[i].Pointer, pieces[i].Length);
        }

        nint sent;
        var message = new MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        do
        {
            // SAFETY: header and vectors are locals, the pieces are pinned through the call, and the kernel only reads them.
            sent = SendMessage(socket.SafeHandle, &message, DontWait | NoSignal);
        }
        while (sent < 0 && Marshal.GetLastPInvokeError() == InterruptedCall);

        error = sent >= 0 ? SocketError.Success : Marshal.GetLastPInvokeError() == WouldBlock ? SocketError.WouldBlock : SocketError.ConnectionReset;
        foreach (MemoryHandle pin in pins)
        {
            pin.Dispose();
        }

        return (int)Math.Max(0, sent);
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, MessageHeader* message, int flags);

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
