using System.Buffers.Binary;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>Writes frames to a capture file (libpcap 2.4, nanoseconds) as Wireshark and tcpdump read it. Checksums that a sender has left out are
/// left out there too. A file that cannot be written any more ends the capture, not the guest.</summary>
public sealed class PcapWriter : IDisposable
{
    private const uint Magic = 0xA1B2_3C4D, LinkTypeEthernet = 1;
    private const int FileHeader = 24, RecordHeader = 16;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly Stream _file;
    private readonly IClock _clock;
    private readonly long _origin;
    private readonly byte[] _record = new byte[RecordHeader + EthernetFrame.Longest];
    private bool _isBroken;

    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not write it.</exception>
    public PcapWriter(string path, IClock clock)
        : this(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read), clock)
    {
    }

    internal PcapWriter(Stream file, IClock clock)
    {
        (_file, _clock) = (file, clock);
        _origin = (clock.UtcNow - DateTime.UnixEpoch).Ticks * 100 - clock.Now;
        Span<byte> header = stackalloc byte[FileHeader];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = 2; // version 2.4
        header[6] = 4;
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], EthernetFrame.Longest);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], LinkTypeEthernet);
        file.Write(header);
    }

    public void Write(EthernetFrame frame)
    {
        if (_isBroken)
        {
            return;
        }

        int length = frame.CopyTo(0, _record.AsSpan(RecordHeader));
        (long seconds, long rest) = Math.DivRem(_origin + _clock.Now, NanosecondsPerSecond);
        BinaryPrimitives.WriteUInt32LittleEndian(_record, (uint)seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(_record.AsSpan(4), (uint)rest);
        BinaryPrimitives.WriteInt32LittleEndian(_record.AsSpan(8), length);
        BinaryPrimitives.WriteInt32LittleEndian(_record.AsSpan(12), length);
        try
        {
            _file.Write(_record, 0, RecordHeader + length);
        }
        catch (IOException)
        {
            _isBroken = true;
        }
    }

    public void Dispose()
    {
        try
        {
            _file.Dispose();
        }
        catch (IOException)
        {
            // What was still buffered is lost with the disk that has no room.
        }
    }
}
