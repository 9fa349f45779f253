// A front end of a disk ring, honest or not, as a test plays it: a real image file, a ring, and the guest's pages.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices;
using Runtime.Devices.Block;
using Runtime.Devices.Xen;
using Runtime.Time;
using Runtime.XenStore;
using Tests.Events;
using Xunit;

namespace Tests.Devices.Block;

internal sealed class BlockFront : IDisposable
{
    public const uint RingFrame = 10, RingReference = 8, FirstDataFrame = 20, FirstDataReference = 100;
    public const int DataFrames = 200;
    private const string Front = "/local/domain/1/device/vbd/51712/";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly string _path;
    private readonly bool _isOwnFile;
    private readonly BlockBackend _backend;
    private readonly uint _port;

    /// <param name="ringPages">More than one are offered by <c>ring-page-order</c>.</param>
    public BlockFront(int sectors = 4096, bool isReadOnly = false, int ringPages = 1)
        : this(Random(sectors), path => isReadOnly ? DiskImage.OpenReadOnly(path) : DiskImage.Open(path), ringPages) => _isOwnFile = true;

    /// <summary>A disk on a file that others use too.</summary>
    public BlockFront(string path, Func<string, DiskImage> open, int ringPages = 1)
    {
        _path = path;
        Disk = open(path);
        Guest = new XenGuest();
        Completions = new CompletionQueue(() => { });
        var host = new BackendHost(
            DomainId.FirstGuest, Store, Guest.Events, Guest.Grants, Guest.Memory, Completions, () => true, reason => Interlocked.CompareExchange(ref Death, reason, null), new FakeClock(), Guest.Reservation);
        _backend = new BlockBackend(host, Disk, 0);
        _backend.Offer();
        // Backwards: nothing says that a ring's pages are neighbours.
        uint[] frames = [.. Enumerable.Range(0, ringPages).Select(i => RingFrame + (uint)(ringPages - 1 - i))];
        Ring = new FrontRing(Guest.Memory, frames, BlockRequest.Length);
        for (uint i = 0; i < ringPages; i++)
        {
            Guest.Grant(RingReference + i, frames[i]);
        }

        for (uint i = 0; i < DataFrames; i++)
        {
            Guest.Grant(FirstDataReference + i, FirstDataFrame + i);
        }

        Assert.Equal(XenError.None, Guest.Events.AllocateUnbound(DomainId.Control, out _port));
    }

    public string? Death;

    public XenGuest Guest { get; }

    public DiskImage Disk { get; }

    public Store Store { get; } = new();

    public FrontRing Ring { get; }

    public CompletionQueue Completions { get; }

    public byte[] FileContents => ReadShared(_path);

    public string State => Store.Read("/local/domain/0/backend/vbd/1/51712/state")!;

    /// <summary>The handshake that a front end makes.</summary>
    public void Connect(uint reference = RingReference, string protocol = "x86_32-abi")
    {
        Store.Write(Front + "ring-ref", reference.ToString());
        Offer(protocol);
    }

    /// <summary>The same with several pages.</summary>
    /// <param name="references">Null leaves a node out.</param>
    public void Connect(string order, params uint?[] references)
    {
        Store.Write(Front + "ring-page-order", order);
        for (int i = 0; i < references.Length; i++)
        {
            if (references[i] is uint reference)
            {
                Store.Write($"{Front}ring-ref{i}", reference.ToString());
            }
        }

        Offer("x86_32-abi");
    }

    private void Offer(string protocol)
    {
        Store.Write(Front + "event-channel", _port.ToString());
        Store.Write(Front + "protocol", protocol);
        Store.Write(Front + "state", "3");
    }

    public void SetState(XenbusState state) => Store.Write(Front + "state", ((int)state).ToString());

    public Span<byte> Page(int index) => Guest.Memory.FrameBytes(FirstDataFrame + (uint)index);

    public static BlockRequest Request(ulong id, BlockOperation operation, ulong sector, params BlockSegment[] segments)
    {
        var request = new BlockRequest { Id = id, Operation = operation, Sector = sector, SegmentCount = (byte)segments.Length };
        for (int i = 0; i < Math.Min(segments.Length, BlockRequest.MaximumSegments); i++)
        {
            request.Segments[i] = segments[i];
        }

        return request;
    }

    /// <summary>Sectors of a data page.</summary>
    public static BlockSegment Segment(int page, int first = 0, int last = 7)
        => new() { Reference = FirstDataReference + (uint)page, FirstSector = (byte)first, LastSector = (byte)last };

    public void Put<T>(T request)
        where T : unmanaged
    {
        Span<byte> slot = stackalloc byte[BlockRequest.Length];
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in request)).CopyTo(slot);
        Ring.Put(slot);
    }

    public void Push()
    {
        if (Ring.Push())
        {
            Assert.Equal(XenError.None, Guest.Events.Send(_port));
        }
    }

    public void Notify() => Guest.Events.Send(_port);

    /// <summary>Waits for so many responses.</summary>
    public List<BlockResponse> Wait(int count)
    {
        var responses = new List<BlockResponse>();
        long deadline = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        Span<byte> slot = stackalloc byte[BlockResponse.Length];
        while (responses.Count < count && Environment.TickCount64 < deadline && Death is null)
        {
            Completions.Advance(0);
            while (Ring.TryTake(slot))
            {
                responses.Add(MemoryMarshal.Read<BlockResponse>(slot));
            }

            Thread.Yield();
        }

        return responses;
    }

    public BlockStatus Do(BlockRequest request)
    {
        Put(request);
        Push();
        BlockResponse response = Assert.Single(Wait(1));
        Assert.Equal(request.Id, response.Id);
        return response.Status;
    }

    public void WaitForDeath() => SpinWait.SpinUntil(() => Volatile.Read(ref Death) is not null, s_patience);

    public void Dispose()
    {
        _backend.Dispose();
        Disk.Dispose();
        Guest.Dispose();
        if (_isOwnFile)
        {
            File.Delete(_path);
        }
    }

    /// <summary>A file of random bytes.</summary>
    public static string Random(int sectors)
    {
        string path = Path.GetTempFileName();
        byte[] contents = new byte[sectors * DiskImage.SectorSize];
        new Random(5).NextBytes(contents);
        File.WriteAllBytes(path, contents);
        return path;
    }

    private static byte[] ReadShared(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
