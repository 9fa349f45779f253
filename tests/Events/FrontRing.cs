using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Tests.Events;

/// <summary>The front end's side of a shared ring, as Linux's ring.h macros have it.</summary>
internal sealed class FrontRing
{
    private readonly GuestMemory _memory;
    private readonly uint[] _frames;
    private readonly int _slotLength;
    private uint _requestProducer;
    private uint _responseConsumer;

    /// <param name="start">What all indices start from: near the top they wrap around soon.</param>
    public FrontRing(GuestMemory memory, uint[] frames, int slotLength, uint start = 0)
    {
        (_memory, _frames, _slotLength) = (memory, frames, slotLength);
        Size = RingLayout.EntryCount(4096 * frames.Length, slotLength);
        _requestProducer = _responseConsumer = start;
        Index(RingLayout.RequestProducer) = Index(RingLayout.ResponseProducer) = start;
        Index(RingLayout.RequestEvent) = Index(RingLayout.ResponseEvent) = start + 1;
    }

    public uint Size { get; }

    public bool IsFull => _requestProducer - _responseConsumer >= Size;

    public void Put(ReadOnlySpan<byte> request)
    {
        for (int i = 0; i < request.Length; i++)
        {
            Byte(_requestProducer, i) = request[i];
        }

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

        for (int i = 0; i < response.Length; i++)
        {
            response[i] = Byte(_responseConsumer, i);
        }

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

    /// <summary>As if the pages were neighbours, which they are in the front end's address space.</summary>
    private ref byte Byte(uint index, int offset)
    {
        int at = RingLayout.HeaderLength + (int)(index & (Size - 1)) * _slotLength + offset;
        return ref _memory.FrameBytes(_frames[at / 4096])[at % 4096];
    }

    private ref uint Index(int offset) => ref MemoryMarshal.Cast<byte, uint>(_memory.FrameBytes(_frames[0]))[offset / sizeof(uint)];
}
