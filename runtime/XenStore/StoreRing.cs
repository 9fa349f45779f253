// The store's page: two byte rings between the guest and the store (docs/misc/xenstore-ring.txt). Runs on the vcpu's thread when the guest
// notifies, so a request is answered before the guest goes on.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.XenStore;

/// <summary>Carries messages between a guest's page and its <see cref="StoreSession"/>.</summary>
/// <param name="notify">Raises the store's event channel.</param>
/// <param name="kill">Ends a guest that breaks the ring.</param>
public sealed class StoreRing
{
    /// <summary>Answers and watch events that wait for a guest to read. No request is taken while more waits; a guest that provokes so many
    /// events without reading any is broken.</summary>
    private const int BacklogToPause = 64 << 10, BacklogToDie = 4 << 20;

    private readonly GuestMemory _memory;
    private readonly ulong _page;
    private readonly Action _notify;
    private readonly Action<string> _kill;
    private readonly StoreSession _session;
    private readonly Queue<byte[]> _backlog = new();
    private readonly byte[] _request = new byte[StoreMessageHeader.Size + StoreLayout.MaximumPayload];
    private int _received;
    private int _backlogBytes;
    private int _sentOfFirst;

    public StoreRing(Store store, ushort domain, GuestMemory memory, uint frame, Action notify, Action<string> kill)
    {
        (_memory, _page, _notify, _kill) = (memory, (ulong)frame << 12, notify, kill);
        _session = new StoreSession(store, domain, Enqueue);
    }

    /// <summary>Takes what the guest has written, answers, and gives it what it has room for.</summary>
    public void Service()
    {
        bool moved = false;
        while (_backlogBytes <= BacklogToPause && Receive())
        {
            moved = true;
            Interpret();
            moved |= Flush();
        }

        if (moved | Flush())
        {
            _notify();
        }
    }

    /// <summary>Messages that come of changes elsewhere go out at once.</summary>
    private void Enqueue(byte[] message)
    {
        _backlog.Enqueue(message);
        _backlogBytes += message.Length;
        if (_backlogBytes > BacklogToDie)
        {
            _kill("its XenStore ring: it does not read what it asked to be told");
        }
        else if (_backlog.Count == 1 && Flush())
        {
            _notify();
        }
    }

    /// <summary>Copies bytes of requests out of the ring.</summary>
    /// <returns>Whether there were any.</returns>
    private bool Receive()
    {
        uint consumer = Index(StoreLayout.RequestConsumer), producer = Volatile.Read(ref Index(StoreLayout.RequestProducer));
        uint available = producer - consumer;
        if (available > StoreLayout.RingLength)
        {
            _kill($"its XenStore ring: request producer {producer} is beyond consumer {consumer}");
            return false;
        }

        int count = 0;
        while (count < available && _received < Wanted)
        {
            _request[_received++] = _memory.Read8(_page + StoreLayout.Requests + (consumer + (uint)count) % StoreLayout.RingLength);
            count++;
        }

        Volatile.Write(ref Index(StoreLayout.RequestConsumer), consumer + (uint)count);
        return count > 0;
    }

    /// <summary>Bytes until there is something to do: a header, then its payload.</summary>
    private int Wanted => _received < StoreMessageHeader.Size
        ? StoreMessageHeader.Size
        : StoreMessageHeader.Size + (int)Math.Min(Header.Length, StoreLayout.MaximumPayload);

    private StoreMessageHeader Header => MemoryMarshal.Read<StoreMessageHeader>(_request);

    private void Interpret()
    {
        if (_received < StoreMessageHeader.Size)
        {
            return;
        }

        StoreMessageHeader header = Header;
        if (header.Length > StoreLayout.MaximumPayload)
        {
            _kill($"its XenStore ring: a payload of {header.Length} bytes");
            return;
        }

        if (_received == StoreMessageHeader.Size + (int)header.Length)
        {
            _received = 0;
            _session.Answer(header, _request.AsSpan(StoreMessageHeader.Size, (int)header.Length));
        }
    }

    private bool Flush()
    {
        bool moved = false;
        while (_backlog.TryPeek(out byte[]? message))
        {
            uint consumer = Volatile.Read(ref Index(StoreLayout.ResponseConsumer)), producer = Index(StoreLayout.ResponseProducer);
            uint used = producer - consumer;
            if (used > StoreLayout.RingLength)
            {
                _kill($"its XenStore ring: response consumer {consumer} is beyond producer {producer}");
                return false;
            }

            int count = (int)Math.Min(StoreLayout.RingLength - used, message.Length - _sentOfFirst);
            if (count == 0)
            {
                break;
            }

            for (int i = 0; i < count; i++)
            {
                _memory.Write8(_page + StoreLayout.Responses + (producer + (uint)i) % StoreLayout.RingLength, message[_sentOfFirst + i]);
            }

            Volatile.Write(ref Index(StoreLayout.ResponseProducer), producer + (uint)count);
            moved = true;
            _sentOfFirst += count;
            if (_sentOfFirst == message.Length)
            {
                _backlog.Dequeue();
                _backlogBytes -= message.Length;
                _sentOfFirst = 0;
            }
        }

        return moved;
    }

    private ref uint Index(int offset) => ref MemoryMarshal.Cast<byte, uint>(_memory.Slice(new GuestPhysicalAddress(_page + (ulong)offset), sizeof(uint)))[0];
}
