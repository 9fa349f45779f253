using Runtime.Abi.Xen;
using Runtime.Devices.Xen;

namespace Runtime.Devices.Block;

/// <summary>A disk that the guest reaches through a ring (public/io/blkif.h): xvda, xvdb and so on in Linux.</summary>
public sealed class BlockBackend(BackendHost host, DiskImage disk, int index) : XenbusDevice(host, "vbd", DeviceNumber(index))
{
    /// <summary>Linux's major number for these disks; 16 minor numbers a disk (docs/man/xen-vbd-interface.7.pandoc).</summary>
    private const uint Major = 202, MinorsPerDisk = 16;

    private const int ReadOnlyInfo = 4;

    /// <summary>A ring has at most 16 pages, as Linux's front end does: room for 512 requests.</summary>
    private const int LargestRingOrder = 4;

    private BlockRing? _ring;

    /// <summary>Processor time of the threads of rings that are no longer connected.</summary>
    private long _closedNanoseconds;
    private uint _port;
    private readonly List<uint> _references = [];

    /// <summary>The name that Linux gives the disk.</summary>
    public string Name => $"xvd{(char)('a' + index)}";

    public override bool IsAtWork => _ring is { InFlight: > 0 };

    public override long ThreadNanoseconds => Interlocked.Read(ref _closedNanoseconds) + (_ring?.ThreadNanoseconds ?? 0);

    protected override void Describe()
    {
        Write("dev", Name);
        Write("mode", disk.IsReadOnly ? "r" : "w");
        Write("type", "phy");
        Write("removable", "0");
        Write("max-ring-page-order", Number(LargestRingOrder));
        Host.Store.Write(Front + "/virtual-device", Number(DeviceNumber(index)));
        Host.Store.Write(Front + "/device-type", "disk");
    }

    protected override bool TryConnect(out string refusal)
    {
        if (ReadFront("event-channel") is not uint port)
        {
            refusal = "event-channel is missing";
            return false;
        }

        // Without the node the layout is the back end's own, which here is that of 32 bits too.
        if (ReadFrontText("protocol") is { } protocol && protocol != "x86_32-abi")
        {
            refusal = $"protocol {protocol} is not known";
            return false;
        }

        if (!TryPinRing(out uint[] frames, out refusal))
        {
            return false;
        }

        if (Host.Events.ConnectBackend(port, () => _ring?.Notify()) != XenError.None)
        {
            refusal = $"event-channel {port} is not unbound";
            return false;
        }

        _port = port;
        Write("sectors", Number(disk.SectorCount));
        Write("sector-size", Number(DiskImage.SectorSize));
        Write("physical-sector-size", "4096");
        Write("info", Number(disk.IsReadOnly ? ReadOnlyInfo : 0));
        Write("feature-flush-cache", "1");
        Write("feature-barrier", "0");
        Write("feature-persistent", "0");
        Write("feature-discard", disk.CanDiscard ? "1" : "0");
        Write("discard-granularity", "4096");
        Write("discard-alignment", "0");
        Write("feature-max-indirect-segments", Number(BlockIntake.MaximumIndirectSegments));
        _ring = new BlockRing(Host, disk, frames, port);
        _ring.Notify();
        refusal = "";
        return true;
    }

    protected override void Disconnect()
    {
        if (_ring is BlockRing ring)
        {
            ring.Dispose();
            _ring = null;
            Interlocked.Add(ref _closedNanoseconds, ring.ThreadNanoseconds);
        }

        if (_port != 0)
        {
            Host.Events.DisconnectBackend(_port);
            _port = 0;
        }

        _references.ForEach(reference => Host.Grants.Unpin(reference, write: true));
        _references.Clear();
    }

    /// <summary>The pages of the ring: one by <c>ring-ref</c>, or with <c>ring-page-order</c> a power of two by <c>ring-ref0</c> and on.</summary>
    private bool TryPinRing(out uint[] frames, out string refusal)
    {
        frames = [];
        bool hasOrder = ReadFrontText("ring-page-order") is not null;
        uint? order = hasOrder ? ReadFront("ring-page-order") : 0;
        if (order is null or > LargestRingOrder)
        {
            refusal = $"ring-page-order is not a number up to {LargestRingOrder}";
            return false;
        }

        frames = new uint[1 << (int)order];
        for (int i = 0; i < frames.Length; i++)
        {
            string node = hasOrder ? $"ring-ref{i}" : "ring-ref";
            if (ReadFront(node) is not uint reference)
            {
                refusal = $"{node} is missing";
                return false;
            }

            if (Host.Grants.TryPin(reference, write: true, out frames[i]) != GrantStatus.Okay)
            {
                refusal = $"{node} {reference} is no grant";
                return false;
            }

            _references.Add(reference);
        }

        refusal = "";
        return true;
    }

    private static uint DeviceNumber(int index) => Major << 8 | (uint)index * MinorsPerDisk;
}
