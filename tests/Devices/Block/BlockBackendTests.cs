using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices;
using Xunit;
using static Tests.Devices.Block.BlockFront;

namespace Tests.Devices.Block;

public sealed class BlockBackendTests
{
    [Fact]
    public void ReadsAndWritesGoStraightToTheFile()
    {
        using var front = new BlockFront();
        front.Connect();
        Assert.Equal("4", front.State);
        byte[] before = front.FileContents;
        Assert.Equal(BlockStatus.Okay, front.Do(Request(1, BlockOperation.Read, 3, Segment(0, 2, 5), Segment(1))));
        Assert.Equal(before.AsSpan(3 * 512, 4 * 512), front.Page(0).Slice(2 * 512, 4 * 512));
        Assert.Equal(before.AsSpan(7 * 512, 4096), front.Page(1));
        Assert.False(front.Page(0)[..1024].ContainsAnyExcept((byte)0));

        front.Page(2).Fill(0xA5);
        Assert.Equal(BlockStatus.Okay, front.Do(Request(2, BlockOperation.Write, 100, Segment(2, 1, 1))));
        Assert.Equal(BlockStatus.Okay, front.Do(Request(3, BlockOperation.FlushDiskCache, 0)));
        byte[] after = front.FileContents;
        Assert.False(after.AsSpan(100 * 512, 512).ContainsAnyExcept((byte)0xA5));
        Assert.Equal(before.AsSpan(0, 100 * 512), after.AsSpan(0, 100 * 512));
        Assert.Equal(before.AsSpan(101 * 512), after.AsSpan(101 * 512));
        Assert.Equal(1, front.Guest.Grants.PinCount); // the ring's own page
    }

    [Fact]
    public void IndirectRequestsReachAMegabyte()
    {
        using var front = new BlockFront();
        front.Connect();
        const int listPage = 199, count = 180;
        Span<BlockSegment> list = MemoryMarshal.Cast<byte, BlockSegment>(front.Page(listPage));
        for (int i = 0; i < count; i++)
        {
            list[i] = Segment(i);
        }

        var request = new IndirectBlockRequest { Operation = BlockOperation.Indirect, IndirectOperation = BlockOperation.Read, Id = 7, Sector = 16, SegmentCount = count };
        request.Frames[0] = FirstDataReference + listPage;
        front.Put(request);
        front.Push();
        BlockResponse response = Assert.Single(front.Wait(1));
        Assert.Equal((7ul, BlockOperation.Read, BlockStatus.Okay), (response.Id, response.Operation, response.Status));
        byte[] contents = front.FileContents;
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(contents.AsSpan(16 * 512 + i * 4096, 4096), front.Page(i));
        }
    }

    /// <summary>A random mix against a model of the disk: whatever is merged and reordered, each request reads and writes what it should.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 2)]
    public void AnyMixOfRequestsAgreesWithTheModel(int seed, int order)
    {
        using var front = new BlockFront(ringPages: 1 << order);
        ConnectWithOrder(front, order);
        var random = new Random(seed);
        byte[] model = front.FileContents;
        ulong id = 1;
        for (int round = 0; round < 150; round++)
        {
            var reads = new List<(int Page, int Sector)>();
            var written = new HashSet<int>();
            int page = 0, count = random.Next(1, 33);
            for (int i = 0; i < count; i++, id++)
            {
                int pages = random.Next(1, 6), sector = random.Next(8) == 0 ? random.Next(4096 - 48) : random.Next(64) * 8;
                if (random.Next(8) == 0)
                {
                    front.Put(Request(id, BlockOperation.FlushDiskCache, 0));
                    continue;
                }

                bool write = random.Next(2) == 0;
                front.Put(Request(id, write ? BlockOperation.Write : BlockOperation.Read, (ulong)sector, [.. Enumerable.Range(page, pages).Select(index => Segment(index))]));
                for (int p = 0; p < pages; p++, page++, sector += 8)
                {
                    if (!write)
                    {
                        reads.Add((page, sector));
                        continue;
                    }

                    random.NextBytes(front.Page(page));
                    front.Page(page).CopyTo(model.AsSpan(sector * 512));
                    written.UnionWith(Enumerable.Range(sector, 8));
                }
            }

            front.Push();
            List<BlockResponse> responses = front.Wait(count);
            Assert.Equal(count, responses.DistinctBy(response => response.Id).Count());
            Assert.All(responses, response => Assert.Equal(BlockStatus.Okay, response.Status));
            Assert.Equal(model, front.FileContents);
            foreach ((int at, int sector) in reads.Where(read => !Enumerable.Range(read.Sector, 8).Any(written.Contains)))
            {
                Assert.Equal(model.AsSpan(sector * 512, 4096), front.Page(at));
            }
        }

        Assert.Equal(1 << order, front.Guest.Grants.PinCount);
    }

    [Fact]
    public void RequestsThatCannotBeAreAnsweredWithAnError()
    {
        using var front = new BlockFront();
        front.Connect();
        front.Guest.Grant(50, 9_999);
        front.Guest.Grant(51, 30, GrantFlags.PermitAccess | GrantFlags.ReadOnly);
        byte[] before = front.FileContents;
        BlockSegment missing = new() { Reference = 60, LastSector = 7 }, foreign = new() { Reference = 50, LastSector = 7 }, readOnly = new() { Reference = 51, LastSector = 7 };
        BlockSegment wild = new() { Reference = uint.MaxValue, LastSector = 7 };
        (string What, BlockRequest Request)[] cases =
        [
            ("no such grant", Request(1, BlockOperation.Write, 0, missing)),
            ("a second page without a grant", Request(2, BlockOperation.Write, 0, Segment(0), missing)),
            ("a reference beyond the table", Request(3, BlockOperation.Read, 0, wild)),
            ("a page that is not the guest's", Request(4, BlockOperation.Read, 0, foreign)),
            ("a read into a read-only page", Request(5, BlockOperation.Read, 0, readOnly)),
            ("behind the end", Request(6, BlockOperation.Read, 4089, Segment(0))),
            ("far behind the end", Request(7, BlockOperation.Write, ulong.MaxValue - 3, Segment(0))),
            ("sectors upside down", Request(8, BlockOperation.Read, 0, Segment(0, 5, 4))),
            ("sectors beyond the page", Request(9, BlockOperation.Write, 0, Segment(0, 0, 8))),
            ("no segments", Request(10, BlockOperation.Read, 0)),
            ("a flush with segments", Request(11, BlockOperation.FlushDiskCache, 0, Segment(0))),
        ];
        foreach ((string what, BlockRequest request) in cases)
        {
            Assert.True(front.Do(request) == BlockStatus.Error, what);
        }

        BlockRequest tooMany = Request(12, BlockOperation.Read, 0, Segment(0)) with { SegmentCount = 12 };
        Assert.Equal(BlockStatus.Error, front.Do(tooMany));
        Assert.Equal(BlockStatus.NotSupported, front.Do(Request(13, (BlockOperation)4, 0, Segment(0))));
        Assert.Equal(BlockStatus.NotSupported, front.Do(Request(14, (BlockOperation)200, 0, Segment(0))));
        Assert.Equal(before, front.FileContents);
        Assert.Equal(1, front.Guest.Grants.PinCount);
        Assert.Equal(BlockStatus.Okay, front.Do(Request(15, BlockOperation.Write, 0, readOnly)));
    }

    /// <summary>An indirect request names pages that hold its segments: those lie as well as the request itself.</summary>
    [Fact]
    public void IndirectRequestsThatCannotBeAreAnsweredWithAnError()
    {
        using var front = new BlockFront();
        front.Connect();
        byte[] before = front.FileContents;
        MemoryMarshal.Write(front.Page(0), Segment(1));
        (string What, uint List, ushort Count, BlockOperation Operation, ulong Sector)[] cases =
        [
            ("no such list", 60, 1, BlockOperation.Write, 0),
            ("a list beyond the table", uint.MaxValue, 1, BlockOperation.Write, 0),
            ("no segments", FirstDataReference, 0, BlockOperation.Write, 0),
            ("more segments than were offered", FirstDataReference, 257, BlockOperation.Write, 0),
            ("as many as can be said", FirstDataReference, ushort.MaxValue, BlockOperation.Write, 0),
            ("a flush", FirstDataReference, 1, BlockOperation.FlushDiskCache, 0),
            ("an indirect one in another", FirstDataReference, 1, BlockOperation.Indirect, 0),
            ("a segment without a grant behind a good one", FirstDataReference, 2, BlockOperation.Write, 0),
            ("behind the end", FirstDataReference, 1, BlockOperation.Read, ulong.MaxValue),
        ];
        ulong id = 0;
        foreach ((string what, uint list, ushort count, BlockOperation operation, ulong sector) in cases)
        {
            var request = new IndirectBlockRequest { Operation = BlockOperation.Indirect, IndirectOperation = operation, Id = ++id, Sector = sector, SegmentCount = count };
            request.Frames[0] = list;
            front.Put(request);
            front.Push();
            BlockResponse response = Assert.Single(front.Wait(1));
            Assert.True(response.Id == id && response.Status == BlockStatus.Error, what);
        }

        Assert.Equal(before, front.FileContents);
        Assert.Equal(1, front.Guest.Grants.PinCount);
        Assert.Null(front.Death);
    }

    [Fact]
    public void AReadOnlyDiskStaysAsItIs()
    {
        using var front = new BlockFront(isReadOnly: true);
        front.Connect();
        byte[] before = front.FileContents;
        Assert.Equal(BlockStatus.Error, front.Do(Request(1, BlockOperation.Write, 0, Segment(0))));
        Assert.Equal(BlockStatus.Okay, front.Do(Request(2, BlockOperation.Read, 0, Segment(0))));
        Assert.Equal(before, front.FileContents);
        Assert.Equal("4", front.Store.Read("/local/domain/0/backend/vbd/1/51712/info"));
    }

    [Fact]
    public void ALyingProducerEndsTheGuest()
    {
        using var front = new BlockFront();
        front.Connect();
        front.Put(Request(1, BlockOperation.Read, 0, Segment(0)));
        front.Push();
        front.Wait(1);
        front.Ring.LieAboutProducer(40);
        front.Notify();
        front.WaitForDeath();
        Assert.Contains("further ahead than the ring has slots", front.Death, StringComparison.Ordinal);
    }

    [Fact]
    public void AnIdInFlightTwiceEndsTheGuest()
    {
        using var front = new BlockFront();
        front.Connect();
        front.Put(Request(9, BlockOperation.Write, 0, Segment(0)));
        front.Put(Request(9, BlockOperation.Write, 8, Segment(1)));
        front.Push();
        front.WaitForDeath();
        Assert.Contains("request id 9 is in flight twice", front.Death, StringComparison.Ordinal);
        front.SetState(XenbusState.Closing);
        Assert.Equal(0, front.Guest.Grants.PinCount);
    }

    [Theory]
    [InlineData(99u, "x86_32-abi")]
    [InlineData(RingReference, "arm-abi")]
    public void ABadOfferIsRefused(uint reference, string protocol)
    {
        using var front = new BlockFront();
        front.Connect(reference, protocol);
        Assert.Equal("6", front.State);
        Assert.Equal(0, front.Guest.Grants.PinCount);
        Assert.NotNull(front.Store.Read("/local/domain/0/error/backend/vbd/1/51712/error"));
    }

    /// <summary>A ring of 16 pages has room for 512 requests.</summary>
    [Fact]
    public void ARingMayHaveSeveralPages()
    {
        using (var offered = new BlockFront())
        {
            Assert.Equal("4", offered.Store.Read("/local/domain/0/backend/vbd/1/51712/max-ring-page-order"));
        }

        using var front = new BlockFront(ringPages: 4);
        ConnectWithOrder(front, 2);
        Assert.Equal("4", front.State);
        byte[] contents = front.FileContents;
        for (int i = 0; i < 128; i++)
        {
            front.Put(Request((ulong)i, BlockOperation.Read, (ulong)i * 8, Segment(i)));
        }

        front.Push();
        Assert.Equal(Enumerable.Range(0, 128).Select(id => (ulong)id), front.Wait(128).Select(response => response.Id).Order());
        for (int i = 0; i < 128; i++)
        {
            Assert.Equal(contents.AsSpan(i * 4096, 4096), front.Page(i));
        }

        Assert.Equal(4, front.Guest.Grants.PinCount);
        front.SetState(XenbusState.Closing);
        Assert.Equal(0, front.Guest.Grants.PinCount);
    }

    [Theory]
    [InlineData("5", 0u, 0u)]
    [InlineData("31", 0u, 0u)]
    [InlineData("4294967295", 0u, 0u)]
    [InlineData("-1", 0u, 0u)]
    [InlineData("", 0u, 0u)]
    [InlineData("two", 0u, 0u)]
    [InlineData("1", RingReference, null)] // a page is missing
    [InlineData("1", null, RingReference)]
    [InlineData("1", RingReference, 99u)] // no grant
    [InlineData("1", 4294967295u, RingReference)]
    public void ABadRingOfSeveralPagesIsRefused(string order, uint? first, uint? second)
    {
        using var front = new BlockFront(ringPages: 2);
        front.Connect(order, first, second);
        Assert.Equal("6", front.State);
        Assert.Equal(0, front.Guest.Grants.PinCount);
        Assert.Null(front.Death);
    }

    /// <summary>The front end's own loss: its requests overwrite one another, and come twice. No page stays pinned for that.</summary>
    [Fact]
    public void APageMayBeInARingTwice()
    {
        using var front = new BlockFront(ringPages: 2);
        front.Connect("1", RingReference, RingReference);
        Assert.Equal("4", front.State);
        for (int i = 0; i < 64; i++)
        {
            front.Put(Request((ulong)i, BlockOperation.Read, 0, Segment(i)));
        }

        front.Push();
        front.SetState(XenbusState.Closing);
        Assert.Equal(0, front.Guest.Grants.PinCount);
    }

    [Fact]
    public void DiscardsThatCannotBeAreAnsweredWithAnError()
    {
        using var front = new BlockFront();
        front.Connect();
        byte[] before = front.FileContents;
        ulong id = 0;
        foreach ((ulong sector, ulong count) in ((ulong, ulong)[])[(4096, 1), (4095, 2), (0, ulong.MaxValue), (ulong.MaxValue, 1), (ulong.MaxValue, ulong.MaxValue), (1ul << 63, 1ul << 63)])
        {
            front.Put(new DiscardBlockRequest { Operation = BlockOperation.Discard, Id = ++id, Sector = sector, SectorCount = count });
            front.Push();
            Assert.Equal(BlockStatus.Error, Assert.Single(front.Wait(1)).Status);
        }

        Assert.Equal(before, front.FileContents);
        using var readOnly = new BlockFront(isReadOnly: true);
        readOnly.Connect();
        readOnly.Put(new DiscardBlockRequest { Operation = BlockOperation.Discard, Id = 1, SectorCount = 8 });
        readOnly.Push();
        Assert.Equal(BlockStatus.Error, Assert.Single(readOnly.Wait(1)).Status);
    }

    /// <summary>Requests near to the truth and far from it, grants and pages that come and go, states in any order: the guest may die of it, or see errors.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void NoFrontEndEndsTheMonitor(int seed)
    {
        var random = new Random(seed);
        for (int life = 0; life < 30; life++)
        {
            int order = random.Next(3);
            using var front = new BlockFront(sectors: 512, ringPages: 1 << order);
            ConnectWithOrder(front, order);
            for (int step = 0; step < 100 && Volatile.Read(ref front.Death) is null; step++)
            {
                Misbehave(front, random);
            }

            front.SetState(XenbusState.Closed);
            Assert.Equal(0, front.Guest.Grants.PinCount);
        }
    }

    private static void Misbehave(BlockFront front, Random random)
    {
        // The ring's own page and the grant table's are granted too: what is read goes there.
        BlockSegment[] segments = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Segment(random.Next(DataFrames), random.Next(8), random.Next(9)))];
        if (random.Next(8) == 0)
        {
            segments[0].Reference = RingReference;
        }

        BlockRequest request = Request((ulong)random.NextInt64(), (BlockOperation)random.Next(8), (ulong)random.Next(600), segments);
        if (random.Next(8) == 0)
        {
            random.NextBytes(MemoryMarshal.AsBytes(new Span<BlockRequest>(ref request)));
        }

        front.Put(request);
        switch (random.Next(40))
        {
            case 0:
                front.SetState((XenbusState)random.Next(8));
                break;
            case 1:
                front.Ring.LieAboutProducer((uint)random.Next());
                front.Notify();
                break;
            case 2:
                front.Guest.Grant(FirstDataReference + (uint)random.Next(DataFrames), (uint)random.Next(300), (GrantFlags)random.Next(32));
                break;
            case 3:
                front.Guest.Reservation.TryGiveBack(FirstDataFrame + (uint)random.Next(DataFrames));
                break;
            default:
                front.Push();
                break;
        }

        front.Completions.Advance(0);
        // It may have had the disk written over its indices.
        for (int i = 0; i < front.Ring.Size && front.Ring.TryTake(new byte[BlockResponse.Length]); i++)
        {
        }
    }

    private static void ConnectWithOrder(BlockFront front, int order)
    {
        if (order == 0)
        {
            front.Connect();
            return;
        }

        front.Connect(order.ToString(), [.. Enumerable.Range(0, 1 << order).Select(i => (uint?)(RingReference + (uint)i))]);
    }

    [Fact]
    public void ADeviceCanBeClosedAndOpenedAgain()
    {
        using var front = new BlockFront();
        front.Connect();
        Assert.Equal(BlockStatus.Okay, front.Do(Request(1, BlockOperation.Read, 0, Segment(0))));
        front.SetState(XenbusState.Closing);
        Assert.Equal("5", front.State);
        front.SetState(XenbusState.Closed);
        Assert.Equal("6", front.State);
        Assert.Equal(0, front.Guest.Grants.PinCount);
        front.SetState(XenbusState.Initialising);
        Assert.Equal("2", front.State);
        front.Connect();
        Assert.Equal("4", front.State);
        Assert.Equal(BlockStatus.Okay, front.Do(Request(2, BlockOperation.Read, 0, Segment(0))));
    }

    /// <summary>A page that holds code is reported to the processor before the guest hears that it was read.</summary>
    [Fact]
    public void CodeThatIsReadIsReportedFirst()
    {
        using var front = new BlockFront();
        front.Connect();
        var stored = new List<ulong>();
        front.Guest.Memory.HoldsCode = frame => frame == FirstDataFrame + 1;
        front.Guest.Memory.StoredByDevice = (address, length) => stored.Add(address.Value);
        front.Put(Request(1, BlockOperation.Read, 0, Segment(0), Segment(1)));
        front.Push();
        Assert.True(SpinWait.SpinUntil(() => front.Completions.NextDeadline == 0, TimeSpan.FromSeconds(20)));
        Assert.False(front.Ring.TryTake(new byte[BlockResponse.Length]));
        front.Completions.Advance(0);
        Assert.Contains((ulong)(FirstDataFrame + 1) << 12, stored);
        Assert.Single(front.Wait(1));
    }
}
