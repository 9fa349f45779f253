using Runtime.Abi.Xen;
using Runtime.Devices.Xen;

namespace Runtime.Devices.Block;

/// <summary>A disk that the guest reaches through a ring (public/io/blkif.h): xvda, xvdb and so on in Linux.</summary>
public sealed class BlockBackend(BackendHost host, DiskImage disk, int index) : XenbusDevice(host, "vbd", DeviceNumber(index))
{
    /// <summary>Linux's major number for these disks; 16 minor numbers a disk (docs/man/xen-vbd-interface.7.pandoc).</summary>
    private const uint Major = 202, MinorsPerDisk = 16;

    private const int ReadOnlyInfo = 4;

    private BlockRing? _ring;

    /// <summary>Processor time of the threads of rings that are no longer connected.</summary>
    private long _closedNanoseconds;
    private uint _port;
    private uint? _reference;

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
        Write("max-ring-page-order", "0");
        Host.Store.Write(Front + "/virtual-device", Number(DeviceNumber(index)));
        Host.Store.Write(Front + "/device-type", "disk");
    }

    protected override bool TryConnect(out string refusal)
    {
        if (ReadFront("ring-ref") is not uint reference || ReadFront("event-channel") is not uint port)
        {
            refusal = "ring-ref or event-channel is missing";
            return false;
        }

        // Without the node the layout is the back end's own, which here is that of 32 bits too.
        if (ReadFrontText("protocol") is { } protocol && protocol != "x86_32-abi")
        {
            refusal = $"protocol {protocol} is not known";
            return false;
        }

        if (Host.Grants.TryPin(reference, write: true, out uint frame) != GrantStatus.Okay)
        {
            refusal = $"ring-ref {reference} is no grant";
            return false;
        }

        _reference = reference;
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
        _ring = new BlockRing(Host, disk, frame, port);
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

        if (_reference is uint reference)
        {
            Host.Grants.Unpin(reference, write: true);
            _reference = null;
        }
    }

    private static uint DeviceNumber(int index) => Major << 8 | (uint)index * MinorsPerDisk;
}
