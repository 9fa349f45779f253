// The receive ring of a ring network interface: frames are copied from where their sender has them into pages that the guest has posted, or into
// pages that then become the guest's.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices.Xen;
using Runtime.Events;
using Runtime.Memory;
using Runtime.Network;

namespace Runtime.Devices.Ethernet;

/// <summary>Serves one front end's receive ring, on the vcpu's thread.</summary>
/// <param name="takesLarge">The front end puts a TCP packet of many pages together by itself.</param>
/// <param name="flips">Each request is a place without a page, and gets one with data (page flip); else a page.</param>
internal sealed class NetReceiver(BackendHost host, GuestPort cable, uint ringFrame, uint port, bool takesLarge, bool flips)
{
    private readonly BackRing _ring = Resumed(new BackRing(host.Ram, [ringFrame], NetReceiveRequest.Length));
    private readonly Queue<NetReceiveRequest> _posted = new();
    private readonly byte[] _segment = new byte[EthernetFrame.LongestOnWire];
    private int _segmentsDone;
    private bool _isBroken;

    /// <summary>Takes what has arrived, as far as pages are posted; the rest waits for more of them.</summary>
    public void Service()
    {
        while (!_isBroken && cable.TryPeek(out EthernetFrame frame))
        {
            if (!TryReceive(frame))
            {
                break;
            }

            _segmentsDone = 0;
            cable.Take();
            frame.Release();
        }

        if (_ring.Publish())
        {
            host.Events.Raise(port);
        }
    }

    private static BackRing Resumed(BackRing ring)
    {
        ring.Resume();
        return ring;
    }

    private bool TryReceive(EthernetFrame frame)
    {
        if (frame.Length <= EthernetFrame.LongestOnWire && frame.SegmentSize == 0)
        {
            return TryPut(frame, segmentSize: 0);
        }

        var cut = SegmentCut.Of(frame);
        if (takesLarge && cut.Count > 1)
        {
            return TryPut(frame, frame.SegmentSize);
        }

        for (; _segmentsDone < cut.Count; _segmentsDone++)
        {
            int length = cut.Write(_segmentsDone, _segment);
            if (!TryPut(new EthernetFrame([_segment.AsMemory(0, length)]) { LacksChecksum = frame.LacksChecksum }, segmentSize: 0))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Puts a frame into as many pages as it fills. False when there are not so many, or the ring is broken.</summary>
    private bool TryPut(EthernetFrame frame, int segmentSize)
    {
        int pages = (frame.Length + GuestMemory.FrameSize - 1) / GuestMemory.FrameSize;
        if (!TryCollect(pages + (segmentSize > 0 ? 1 : 0)))
        {
            return false;
        }

        NetFlags first = frame.LacksChecksum ? NetFlags.ReceiveChecksumBlank | NetFlags.ReceiveDataValidated : NetFlags.None;
        first |= segmentSize > 0 ? NetFlags.ReceiveExtraInfo : NetFlags.None;
        for (int page = 0; page < pages; page++)
        {
            NetReceiveRequest request = _posted.Dequeue();
            int offset = page * GuestMemory.FrameSize, length = Math.Min(GuestMemory.FrameSize, frame.Length - offset);
            NetFlags flags = (page == 0 ? first : NetFlags.None) | (page < pages - 1 ? NetFlags.ReceiveMoreData : NetFlags.None);
            short status = TryFill(request.Reference, frame, offset, length) ? (short)length : NetStatus.Error;
            var response = new NetReceiveResponse(request.Id, 0, flags, status);
            _ring.Put(MemoryMarshal.AsBytes(new ReadOnlySpan<NetReceiveResponse>(in response)));
            if (page == 0 && segmentSize > 0)
            {
                _posted.Dequeue(); // its place in the ring is used, its page is not
                var extra = new NetExtraInfo(NetExtraInfo.TypeSegmentation, 0, (ushort)segmentSize, NetExtraInfo.SegmentTcp4, 0, 0);
                _ring.Put(MemoryMarshal.AsBytes(new ReadOnlySpan<NetExtraInfo>(in extra)));
            }
        }

        return true;
    }

    private bool TryFill(uint reference, EthernetFrame frame, int offset, int length)
    {
        GrantStatus status = flips
            ? host.Grants.TryBeginTransfer(reference, host.Reservation.TryPopulate, out uint page)
            : host.Grants.TryPin(reference, write: true, out page);
        if (status != GrantStatus.Okay)
        {
            return false;
        }

        frame.CopyTo(offset, host.Ram.FrameBytes(page)[..length]);
        host.Ram.Stored([new GuestRange(new GuestPhysicalAddress((ulong)page << 12), length)]);
        if (flips)
        {
            host.Grants.EndTransfer(reference);
        }
        else
        {
            host.Grants.Unpin(reference, write: true);
        }

        return true;
    }

    /// <summary>Takes posted pages from the ring until there are so many; asks to hear of more when there are not.</summary>
    private bool TryCollect(int count)
    {
        Span<byte> slot = stackalloc byte[NetReceiveRequest.Length];
        while (_posted.Count < count)
        {
            switch (_ring.TryTake(slot))
            {
                case RingState.Taken:
                    _posted.Enqueue(MemoryMarshal.Read<NetReceiveRequest>(slot));
                    break;
                case RingState.Overrun:
                    host.Kill("its network ring: the request producer is further ahead than the ring has slots");
                    _isBroken = true;
                    return false;
                default:
                    if (!_ring.FinalCheck())
                    {
                        return false;
                    }

                    break;
            }
        }

        return true;
    }
}
