using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Tests.Events;

/// <summary>The front end's side of a shared ring, as Linux's ring.h macros have it.</summary>
internal sealed class FrontRing
{
    private readonly GuestMemory _memory;
    private readonly ulong _page;
    private readonly int _slotLength;
    private uint _requestProducer;
    private uint _responseConsumer;

    /// <param name="start">What all indices start from: near the top they wrap around soon.</param>
    public FrontRing(GuestMemory memory, uint frame, int slotLength, uint start = 0)
    {
        (_memory, _page, _slotLength) = (memory, (ulong)frame << 12, slotLength);
        Size = RingLayout.EntryCount(4096, slotLength);
        _requestProducer = _responseConsumer = start;
        Index(RingLayout.RequestProducer) = Index(RingLayout.ResponseProducer) = start;
        Index(RingLayout.RequestEvent) = Index(RingLayout.ResponseEvent) = start + 1;
    }

    public uint Size { get; }

    public bool IsFull => _requestProducer - _responseConsumer >= Size;

    public void Put(ReadOnlySpan<byte> request)
    {
        request.CopyTo(Slot(_requestProducer, request.Length));
        _requestProducer++;
    }

    /// <summary>Shows the requests to the back end.</summary>
    /// <returns>Whether it is to be notified.</returns>
    public bool Push()
    {
        uint old = Volatile.Read(ref Index(RingLayout.RequestProducer));
        Volatile.Write(ref Index(RingLayout.RequestProducer), _requestProducer);
        Interlocked.MemoryBarrier();
        return _requestProducer - Volatile.Read(ref Index(RingLayout.RequestEvent)) < _requestProducer - old;
    }

    public bool TryTake(Span<byte> response)
    {
        if (Volatile.Read(ref Index(RingLayout.ResponseProducer)) == _responseConsumer)
        {
            return false;
        }

        Slot(_responseConsumer, response.Length).CopyTo(response);
        _responseConsumer++;
        return true;
    }

    /// <summary>Before going to sleep.</summary>
    /// <returns>Whether there are responses.</returns>
    public bool FinalCheck()
    {
        Volatile.Write(ref Index(RingLayout.ResponseEvent), _responseConsumer + 1);
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref Index(RingLayout.ResponseProducer)) != _responseConsumer;
    }

    /// <summary>What no honest front end does.</summary>
    public void LieAboutProducer(uint ahead) => Volatile.Write(ref Index(RingLayout.RequestProducer), _requestProducer + ahead);

    private Span<byte> Slot(uint index, int length) => _memory.Slice(new GuestPhysicalAddress(_page + RingLayout.HeaderLength + (index & (Size - 1)) * (uint)_slotLength), length);

    private ref uint Index(int offset) => ref MemoryMarshal.Cast<byte, uint>(_memory.Slice(new GuestPhysicalAddress(_page + (ulong)offset), sizeof(uint)))[0];
}
