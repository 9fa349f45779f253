// XenStore as a guest sees it: messages through the page's rings.
using System.Runtime.InteropServices;
using System.Text;
using Runtime.Abi.Xen;
using Runtime.Memory;
using Runtime.XenStore;
using Xunit;
using T = Runtime.Abi.Xen.StoreMessageType;

namespace Tests.XenStore;

public sealed class StoreRingTests : IDisposable
{
    private const string Home = "/local/domain/1";
    private readonly GuestMemory _memory = new(16 << 12);
    private readonly Store _store = new();
    private readonly StoreRing _ring;
    private readonly List<byte> _received = [];
    private string? _death;
    private int _notifications;
    private uint _request;

    public StoreRingTests()
    {
        GuestNodes.Create(_store, 1, 16 << 20);
        _ring = new StoreRing(_store, 1, _memory, 3, () => _notifications++, reason => _death ??= reason);
    }

    [Fact]
    public void NodesAreWrittenReadListedAndRemoved()
    {
        Assert.Equal("OK\0", Ask(T.Write, "data/a\0one"));
        Assert.Equal("OK\0", Ask(T.MakeDirectory, Home + "/data/b/c\0"));
        Assert.Equal("one", Ask(T.Read, Home + "/data/a\0"));
        Assert.Equal("", Ask(T.Read, "data/b/c\0"));
        Assert.Equal("a\0b\0", Ask(T.Directory, "data\0"));
        Assert.Equal("n1\0", Ask(T.GetPermissions, "data/a\0"));
        Assert.Equal("OK\0", Ask(T.Remove, "data/b\0"));
        Assert.Equal("!ENOENT\0", Ask(T.Read, "data/b/c\0"));
        Assert.Equal("OK\0", Ask(T.Remove, "data/b\0"));
        Assert.Equal("!ENOENT\0", Ask(T.Remove, "data/x/y/z\0"));
        Assert.True(_notifications > 0);
    }

    [Theory]
    [InlineData(T.Write, "/local/domain/0/backend/x\0y", "!EACCES")]
    [InlineData(T.Write, Home + "/domid\0" + "7", "!EACCES")]
    [InlineData(T.Remove, Home + "\0", "!EACCES")]
    [InlineData(T.SetPermissions, "name\0b1\0", "!EACCES")]
    [InlineData(T.SetPermissions, "data\0n0\0", "!EACCES")]
    [InlineData(T.SetPermissions, "data\0x1\0", "!EINVAL")]
    [InlineData(T.Read, "no//good\0", "!EINVAL")]
    [InlineData(T.Read, "no good\0", "!EINVAL")]
    [InlineData(T.Read, "trailing/\0", "!EINVAL")]
    [InlineData(T.Read, "\0", "!EINVAL")]
    [InlineData(T.Read, "", "!EINVAL")]
    [InlineData(T.Write, "no-terminator", "!EINVAL")]
    [InlineData(T.TransactionEnd, "T\0", "!ENOENT")]
    [InlineData(T.Unwatch, "data\0none\0", "!ENOENT")]
    [InlineData(T.Introduce, "1\0", "!EACCES")]
    [InlineData((T)99, "x\0", "!ENOSYS")]
    [InlineData(T.GetDomainPath, "5\0", "/local/domain/5")]
    [InlineData(T.Read, "name\0", "guest")]
    public void AnswersAreThoseOfXenstored(StoreMessageType type, string payload, string expected) => Assert.Equal(expected, Ask(type, payload).TrimEnd('\0'));

    [Fact]
    public void WatchesFireOnceAtOnceAndAtEachChange()
    {
        Assert.Equal("OK\0", Ask(T.Watch, "data\0token\0"));
        Assert.Equal("data\0token\0", Event());
        Assert.Equal("!EEXIST\0", Ask(T.Watch, "data\0token\0"));
        _store.Write(Home + "/data/deep/node", "1");
        Assert.Equal("data/deep/node\0token\0", Event());
        Assert.Equal("OK\0", Ask(T.Watch, Home + "/data/deep\0other\0"));
        Event();
        _store.Remove(Home + "/data");
        Assert.Equal([Home + "/data/deep\0other\0", "data\0token\0"], new[] { Event(), Event() }.Order(StringComparer.Ordinal));
        Assert.Equal("OK\0", Ask(T.Unwatch, "data\0token\0"));
        _store.Write(Home + "/data", "");
        Assert.Null(Event());
    }

    [Fact]
    public void TransactionsHoldWholeOrFailWhole()
    {
        string id = Ask(T.TransactionStart, "\0").TrimEnd('\0');
        uint transaction = uint.Parse(id);
        Assert.Equal("OK\0", Ask(T.Write, "data/t\0" + "1", transaction));
        Assert.Equal("1", Ask(T.Read, "data/t\0", transaction));
        Assert.Equal("!ENOENT\0", Ask(T.Read, "data/t\0"));
        Assert.Equal("OK\0", Ask(T.TransactionEnd, "T\0", transaction));
        Assert.Equal("1", Ask(T.Read, "data/t\0"));

        transaction = uint.Parse(Ask(T.TransactionStart, "\0").TrimEnd('\0'));
        Ask(T.Write, "data/t\0" + "2", transaction);
        _store.Write("/local/domain/0/elsewhere", "x");
        Assert.Equal("!EAGAIN\0", Ask(T.TransactionEnd, "T\0", transaction));
        Assert.Equal("1", Ask(T.Read, "data/t\0"));

        transaction = uint.Parse(Ask(T.TransactionStart, "\0").TrimEnd('\0'));
        Ask(T.Write, "data/t\0" + "3", transaction);
        Assert.Equal("OK\0", Ask(T.TransactionEnd, "F\0", transaction));
        Assert.Equal("1", Ask(T.Read, "data/t\0"));
        Assert.Equal("!ENOENT\0", Ask(T.Write, "data/t\0" + "4", transaction));
    }

    /// <summary>Long values and pieces of any size, round and round the rings.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void MessagesSurviveTheRings(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 300; i++)
        {
            string value = new('x', random.Next(0, 2048));
            Assert.Equal("OK\0", Ask(T.Write, "data/long\0" + value, pieces: random));
            Assert.Equal(value, Ask(T.Read, "data/long\0", pieces: random));
        }

        Assert.Equal("!ENOSPC\0", Ask(T.Write, "data/long\0" + new string('x', 2049)));
        Assert.Null(_death);
    }

    [Theory]
    [InlineData(StoreLayout.RequestProducer, 5000u, "request producer")]
    [InlineData(StoreLayout.ResponseConsumer, 77u, "response consumer")]
    public void LyingIndicesEndTheGuest(int offset, uint value, string reason)
    {
        _memory.Write32(0x3000 + (ulong)offset, value);
        _store.Watch(this, "/", _ => { });
        Ask(T.Read, "name\0", send: offset != StoreLayout.RequestProducer);
        Assert.Contains(reason, _death, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImpossibleLengthEndsTheGuest()
    {
        Send(new StoreMessageHeader { Type = T.Read, Length = 5000 }, []);
        _ring.Service();
        Assert.Contains("5000 bytes", _death, StringComparison.Ordinal);
    }

    [Fact]
    public void AGuestThatReadsNothingIsGivenUp()
    {
        Ask(T.Watch, "data\0token\0");
        for (int i = 0; i < 200_000 && _death is null; i++)
        {
            _store.Write(Home + "/data/x", "y");
        }

        Assert.Contains("does not read", _death, StringComparison.Ordinal);
    }

    public void Dispose() => _memory.Dispose();

    /// <returns>The answer's payload, an error's with "!" before it.</returns>
    private string Ask(T type, string payload, uint transaction = 0, Random? pieces = null, bool send = true)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(payload);
        if (send)
        {
            Send(new StoreMessageHeader { Type = type, RequestId = ++_request, TransactionId = transaction, Length = (uint)bytes.Length }, bytes, pieces);
        }

        _ring.Service();
        while (_death is null)
        {
            if (Receive() is not (StoreMessageHeader header, string answer))
            {
                _ring.Service();
                continue;
            }

            if (header.Type != T.WatchEvent)
            {
                Assert.Equal(_request, header.RequestId);
                return (header.Type == T.Error ? "!" : "") + answer;
            }

            _events.Enqueue(answer);
        }

        return "";
    }

    private readonly Queue<string> _events = new();

    private string? Event()
    {
        _ring.Service();
        while (Receive() is (_, string text))
        {
            _events.Enqueue(text);
        }

        return _events.TryDequeue(out string? next) ? next : null;
    }

    private void Send(StoreMessageHeader header, byte[] payload, Random? pieces = null)
    {
        byte[] message = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<StoreMessageHeader>(in header)), .. payload];
        for (int sent = 0; sent < message.Length && _death is null;)
        {
            uint producer = Index(StoreLayout.RequestProducer), room = StoreLayout.RingLength - (producer - Index(StoreLayout.RequestConsumer));
            int count = (int)Math.Min(room, (uint)(message.Length - sent));
            count = pieces is null ? count : Math.Min(count, pieces.Next(1, 200));
            for (int i = 0; i < count; i++)
            {
                _memory.Write8(0x3000 + StoreLayout.Requests + (producer + (uint)i) % StoreLayout.RingLength, message[sent + i]);
            }

            _memory.Write32(0x3000 + StoreLayout.RequestProducer, producer + (uint)count);
            sent += count;
            if (sent < message.Length)
            {
                _ring.Service();
            }
        }
    }

    /// <summary>One whole message, if there is one.</summary>
    private (StoreMessageHeader Header, string Payload)? Receive()
    {
        uint consumer = Index(StoreLayout.ResponseConsumer), producer = Index(StoreLayout.ResponseProducer);
        for (; consumer != producer; consumer++)
        {
            _received.Add(_memory.Read8(0x3000 + StoreLayout.Responses + consumer % StoreLayout.RingLength));
        }

        _memory.Write32(0x3000 + StoreLayout.ResponseConsumer, consumer);
        if (_received.Count < StoreMessageHeader.Size)
        {
            return null;
        }

        StoreMessageHeader header = MemoryMarshal.Read<StoreMessageHeader>(CollectionsMarshal.AsSpan(_received));
        int length = StoreMessageHeader.Size + (int)header.Length;
        if (_received.Count < length)
        {
            return null;
        }

        string payload = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_received)[StoreMessageHeader.Size..length]);
        _received.RemoveRange(0, length);
        return (header, payload);
    }

    private uint Index(int offset) => _memory.Read32(0x3000 + (ulong)offset);
}
