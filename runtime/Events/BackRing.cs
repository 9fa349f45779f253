// The back end's side of a shared ring (public/io/ring.h). The producers are shared, the consumers private; what the front end writes is
// copied once before it is looked at, and its producer is believed only as far as the ring is long.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.Events;

/// <summary>What there is to take from a ring.</summary>
public enum RingState
{
    Empty,

    /// <summary>A request was taken.</summary>
    Taken,

    /// <summary>The front end's producer is further ahead than the ring has slots: it lies.</summary>
    Overrun,
}

/// <summary>One shared ring. For one thread at a time.</summary>
/// <param name="frames">Its pages in order, which stay pinned while the ring is used. They need not be neighbours, so a slot may lie in two.</param>
/// <param name="slotLength">Bytes of a slot: the longer of request and response.</param>
public sealed class BackRing(GuestMemory memory, ReadOnlySpan<uint> frames, int slotLength)
{
    private const int PageLength = 4096;
    private readonly uint[] _frames = frames.ToArray();
    private uint _requestConsumer;
    private uint _responseProducer;
    private uint _published;

    /// <summary>Slots.</summary>
    public uint Size { get; } = RingLayout.EntryCount(PageLength * frames.Length, slotLength);

    /// <summary>The front end has produced something that is not taken yet.</summary>
    public bool HasRequests => Volatile.Read(ref Index(RingLayout.RequestProducer)) != _requestConsumer;

    /// <summary>Requests taken whose responses are not yet put.</summary>
    public uint InFlight => _requestConsumer - _responseProducer;

    /// <summary>Goes on where an earlier back end stopped: at the responses it has put.</summary>
    public void Resume() => _requestConsumer = _responseProducer = _published = Volatile.Read(ref Index(RingLayout.ResponseProducer));

    /// <summary>Copies the next request out.</summary>
    /// <param name="request">As many bytes as are wanted of it, at most a slot.</param>
    public RingState TryTake(Span<byte> request)
    {
        uint produced = Volatile.Read(ref Index(RingLayout.RequestProducer)) - _requestConsumer;
        if (produced == 0)
        {
            return RingState.Empty;
        }

        // RING_REQUEST_PROD_OVERFLOW: no more can be produced than there are slots without an outstanding request.
        if (produced > Size - InFlight)
        {
            return RingState.Overrun;
        }

        CopyOut(_requestConsumer, request);
        _requestConsumer++;
        return RingState.Taken;
    }

    /// <summary>Puts a response; the front end sees it after <see cref="Publish"/>.</summary>
    /// <exception cref="InvalidOperationException">There is no request that it could answer.</exception>
    public void Put(ReadOnlySpan<byte> response)
    {
        if (InFlight == 0)
        {
            throw new InvalidOperationException("a response without a request");
        }

        CopyIn(_responseProducer, response);
        _responseProducer++;
    }

    /// <summary>Shows the front end all responses put so far.</summary>
    /// <returns>Whether it asked to be notified of one of them.</returns>
    public bool Publish()
    {
        uint old = _published;
        _published = _responseProducer;
        Volatile.Write(ref Index(RingLayout.ResponseProducer), _responseProducer);
        // The front end writes rsp_event and then reads rsp_prod; here it is the other way round, and neither may be reordered.
        Interlocked.MemoryBarrier();
        return _responseProducer - Volatile.Read(ref Index(RingLayout.ResponseEvent)) < _responseProducer - old;
    }

    /// <summary>The front end has not yet seen the response that it asked to be notified of.</summary>
    public bool IsAwaited => (int)(_published - Volatile.Read(ref Index(RingLayout.ResponseEvent))) >= 0;

    /// <summary>Before going to sleep: asks for a notification of the next request.</summary>
    /// <returns>Whether one has come already, so that there is no sleep.</returns>
    public bool FinalCheck()
    {
        if (HasRequests)
        {
            return true;
        }

        Volatile.Write(ref Index(RingLayout.RequestEvent), _requestConsumer + 1);
        Interlocked.MemoryBarrier();
        return HasRequests;
    }

    private void CopyOut(uint index, Span<byte> slot)
    {
        for (int done = 0; done < slot.Length;)
        {
            Span<byte> part = Part(index, done, slot.Length - done);
            part.CopyTo(slot[done..]);
            done += part.Length;
        }
    }

    private void CopyIn(uint index, ReadOnlySpan<byte> slot)
    {
        for (int done = 0; done < slot.Length;)
        {
            Span<byte> part = Part(index, done, slot.Length - done);
            slot.Slice(done, part.Length).CopyTo(part);
            done += part.Length;
        }
    }

    /// <summary>A slot from some byte on, as far as its page goes.</summary>
    private Span<byte> Part(uint index, int from, int length)
    {
        int at = RingLayout.HeaderLength + (int)(index & (Size - 1)) * slotLength + from, inPage = at % PageLength;
        return memory.FrameBytes(_frames[at / PageLength]).Slice(inPage, Math.Min(length, PageLength - inPage));
    }

    private ref uint Index(int offset) => ref MemoryMarshal.Cast<byte, uint>(memory.FrameBytes(_frames[0]))[offset / sizeof(uint)];
}
