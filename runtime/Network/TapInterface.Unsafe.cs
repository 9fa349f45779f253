// A TAP interface of the host that belongs to the user (ip tuntap add ... user ...): guests are then on the host's own network.
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Runtime.Network;

/// <summary>Frames from and to a TAP interface (Documentation/networking/tuntap.rst). Linux only.</summary>
public sealed unsafe partial class TapInterface : ISwitchClient, IDisposable
{
    private const uint SetInterface = 0x400454CA; // TUNSETIFF
    private const short Tap = 2, NoPacketInformation = 0x1000;
    private const int NameLength = 16, RequestLength = 40;
    private const int ReadWrite = 2, CloseOnExec = 0x80000;

    private readonly SafeFileHandle _device;
    private readonly SwitchPort _port;
    private readonly byte[] _sending = new byte[EthernetFrame.LongestOnWire];
    private readonly Semaphore _room = new(0, int.MaxValue);
    private readonly Thread _reader;
    private volatile bool _isStopped;

    /// <exception cref="Win32Exception">There is no such interface, or the user may not use it.</exception>
    public TapInterface(NetworkThread thread, string name)
    {
        _device = Open(name);
        _port = thread.Switch.Connect(this, owner: null);
        _reader = new Thread(Read) { Name = "tap", IsBackground = true };
        _reader.Start();
    }

    void ISwitchClient.Deliver(EthernetFrame frame)
    {
        var cut = SegmentCut.Of(frame);
        for (int i = 0; i < cut.Count; i++)
        {
            Span<byte> bytes = _sending.AsSpan(0, cut.Write(i, _sending));
            if (frame.LacksChecksum)
            {
                InternetChecksum.CompleteTransport(bytes);
            }

            fixed (byte* start = bytes)
            {
                // SAFETY: the kernel reads the bytes of a pinned array. A frame that it does not take is lost, as on a wire.
                Write(_device, start, (nuint)bytes.Length);
            }
        }

        frame.Release();
    }

    void ISwitchClient.Drained() => _room.Release();

    public void Dispose()
    {
        _isStopped = true;
        _room.Release();
        _device.Dispose();
    }

    private static SafeFileHandle Open(string name)
    {
        byte[] request = new byte[RequestLength]; // struct ifreq: name, flags
        if (Encoding.ASCII.GetByteCount(name) is 0 or >= NameLength)
        {
            throw new Win32Exception(22, "no name of an interface");
        }

        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(NameLength), (short)(Tap | NoPacketInformation));
        var device = new SafeFileHandle(OpenFile("/dev/net/tun", ReadWrite | CloseOnExec), ownsHandle: true);
        if (device.IsInvalid)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "/dev/net/tun: " + Marshal.GetLastPInvokeErrorMessage());
        }

        fixed (byte* start = request)
        {
            // SAFETY: the kernel reads and writes the 40 bytes of struct ifreq in a pinned array.
            if (Control(device, SetInterface, start) < 0)
            {
                string reason = Marshal.GetLastPInvokeErrorMessage();
                device.Dispose();
                throw new Win32Exception(Marshal.GetLastPInvokeError(), reason);
            }
        }

        return device;
    }

    private void Read()
    {
        byte[] buffer = new byte[EthernetFrame.LongestOnWire];
        try
        {
            while (!_isStopped)
            {
                nint length;
                fixed (byte* start = buffer)
                {
                    // SAFETY: the kernel writes at most the pinned array.
                    length = ReadFile(_device, start, (nuint)buffer.Length);
                }

                if (length <= 0)
                {
                    return;
                }

                var frame = new EthernetFrame(buffer.AsSpan(0, (int)length).ToArray());
                while (!_port.TryTransmit(frame) && !_isStopped)
                {
                    _room.WaitOne();
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The network has ended.
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle device, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(SafeFileHandle device, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle device, void* buffer, nuint count);
}
