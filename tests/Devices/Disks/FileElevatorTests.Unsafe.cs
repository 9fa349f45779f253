using System.Runtime.InteropServices;
using Runtime.Devices.Disks;
using Runtime.Memory;
using Xunit;

namespace Tests.Devices.Disks;

/// <summary>Reads of one file by several threads: merged where they are neighbours, each with its own data, nobody kept waiting by another.</summary>
public sealed unsafe class FileElevatorTests : IDisposable
{
    private const int Block = 4096;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly FileElevator _elevator = FileElevator.Enter(new HostFileId(uint.MaxValue, 1, (ulong)Random.Shared.NextInt64()));

    public void Dispose() => _elevator.Leave();

    /// <summary>Whatever is asked by whom, and however it is merged: each transfer is reported once, on the thread that asked, with its data.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EachGetsExactlyItsData(int seed)
    {
        var file = new FakeFile();
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            try
            {
                Read(file, new Random(seed * 100 + number));
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Null(failure);
    }

    [Fact]
    public void WhatOthersHaveWaitingNextToItIsTakenAlong()
    {
        using var memory = new Memory(8);
        var file = new FakeFile { BlocksAt = 0 };
        List<DiskTransfer> mine = [Transfer(memory, 0, 0), Transfer(memory, 2, 1)], others = [Transfer(memory, 3, 2), Transfer(memory, 1, 3)];
        int reported = 0;
        var first = new Thread(() => _elevator.ReadAll(file, mine, _ => Interlocked.Increment(ref reported)));
        first.Start();
        Assert.True(file.IsBlocked.Wait(s_patience));
        // The first thread is in its first read; its second waits, and lies between the two of this one.
        _elevator.ReadAll(file, others, _ => Interlocked.Increment(ref reported));
        file.Release.Set();
        first.Join();
        Assert.Equal(4, reported);
        Assert.Equal([(0, 1), (1, 3)], file.Calls.Order());
        Assert.Equal(1, _elevator.JointCalls);
        Assert.All(mine.Concat(others), transfer => memory.Check(transfer));
    }

    [Fact]
    public void NobodyWaitsForAnothersTransfer()
    {
        using var memory = new Memory(8);
        var file = new FakeFile { BlocksAt = 0 };
        var first = new Thread(() => _elevator.ReadAll(file, [Transfer(memory, 0, 0)], _ => { }));
        first.Start();
        Assert.True(file.IsBlocked.Wait(s_patience));
        bool isDone = false;
        _elevator.ReadAll(file, [Transfer(memory, 1, 1), Transfer(memory, 0, 2 + 1)], _ => isDone = true);
        Assert.True(isDone);
        file.Release.Set();
        first.Join();
    }

    [Fact]
    public void TheSweepGoesOnFromWhereTheLastReadWas()
    {
        using var memory = new Memory(8);
        var file = new FakeFile();
        _elevator.ReadAll(file, [Transfer(memory, 50, 0)], _ => { });
        _elevator.ReadAll(file, [Transfer(memory, 10, 0), Transfer(memory, 90, 1), Transfer(memory, 60, 2), Transfer(memory, 30, 3)], _ => { });
        Assert.Equal([(50, 1), (60, 1), (90, 1), (10, 1), (30, 1)], file.Calls);
    }

    [Fact]
    public void AnErrorIsOnlyWhoseItIs()
    {
        using var memory = new Memory(8);
        var file = new FakeFile { FailsAt = 11 };
        List<DiskTransfer> transfers = [Transfer(memory, 10, 0), Transfer(memory, 11, 1), Transfer(memory, 12, 2)];
        _elevator.ReadAll(file, transfers, _ => { });
        Assert.Equal([true, false, true], transfers.Select(transfer => transfer.Error is null));
        memory.Check(transfers[0]);
        memory.Check(transfers[2]);
    }

    [Fact]
    public void NoCallHasMorePiecesThanTheHostTakes()
    {
        using var memory = new Memory(8);
        var file = new FakeFile();
        List<DiskTransfer> transfers = [.. Enumerable.Range(0, 1500).Select(block => Transfer(memory, block, block % 8))];
        _elevator.ReadAll(file, transfers, _ => { });
        Assert.Equal([(0, 1024), (1024, 476)], file.Calls);
    }

    /// <summary>The same file by two names is one, and two files by one name are two.</summary>
    [Fact]
    public void AFileIsKnownByWhatItIs()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other hosts do not say");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("elevator-");
        string path = Path.Combine(folder.FullName, "file"), link = Path.Combine(folder.FullName, "link");
        File.WriteAllText(path, "one");
        File.CreateSymbolicLink(link, path);
        using (Microsoft.Win32.SafeHandles.SafeFileHandle one = File.OpenHandle(path), same = File.OpenHandle(link))
        {
            Assert.NotNull(HostFileId.Of(one));
            Assert.Equal(HostFileId.Of(one), HostFileId.Of(same));
            File.Delete(path);
            File.WriteAllText(path, "two");
            using Microsoft.Win32.SafeHandles.SafeFileHandle other = File.OpenHandle(path);
            Assert.NotEqual(HostFileId.Of(one), HostFileId.Of(other));
        }

        folder.Delete(recursive: true);
    }

    private void Read(FakeFile file, Random random)
    {
        using var memory = new Memory(256);
        int thread = Environment.CurrentManagedThreadId;
        for (int round = 0; round < 300; round++)
        {
            memory.Clear();
            int slot = 0;
            List<DiskTransfer> transfers = [.. Enumerable.Range(0, random.Next(1, 33)).Select(_ =>
            {
                int count = random.Next(1, 4), at = slot;
                slot += count;
                return Transfer(memory, random.Next(64), at, count);
            })];
            var reported = new List<DiskTransfer>();
            _elevator.ReadAll(file, transfers, transfer =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                memory.Check(transfer);
                reported.Add(transfer);
            });
            Assert.Equal(transfers.Count, reported.Distinct().Count());
            Assert.Equal(transfers.Count, reported.Count);
        }
    }

    private static DiskTransfer Transfer(Memory memory, int block, int slot, int count = 1)
    {
        var transfer = new DiskTransfer();
        transfer.Reset(write: false, (long)block * Block);
        for (int i = 0; i < count; i++)
        {
            transfer.Add(new IoVector(memory.At(slot + i), Block));
        }

        return transfer;
    }

    /// <summary>Blocks for reads to go to.</summary>
    private sealed class Memory(int blocks) : IDisposable
    {
        private readonly nint _start = (nint)NativeMemory.AllocZeroed((nuint)(blocks * Block));

        // SAFETY: all addresses are of blocks within the allocation, which lives until the test has ended.
        public nint At(int slot) => _start + slot * Block;

        public void Clear() => NativeMemory.Clear((void*)_start, (nuint)(blocks * Block));

        public void Check(DiskTransfer transfer)
        {
            Assert.Null(transfer.Error);
            for (int i = 0; i < transfer.Vectors.Length; i++)
            {
                // SAFETY: as for At, of this or another memory of the test.
                var read = new Span<byte>((void*)transfer.Vectors[i].Address, Block);
                Assert.False(read.ContainsAnyExcept((byte)(transfer.Offset / Block + i + 1)));
            }
        }

        public void Dispose() => NativeMemory.Free((void*)_start);
    }

    /// <summary>A file whose block n is filled with n + 1. It notes what it is asked for.</summary>
    private sealed class FakeFile : IDiskContents
    {
        private readonly List<(int Block, int Count)> _calls = [];
        private int _hasBlocked;

        public int BlocksAt { get; init; } = -1;

        public int FailsAt { get; init; } = -1;

        public ManualResetEventSlim IsBlocked { get; } = new();

        public ManualResetEventSlim Release { get; } = new();

        public IReadOnlyList<(int Block, int Count)> Calls => _calls;

        public long Length => 4096 * Block;

        public bool CanDiscard => false;

        public void Transfer(bool write, long offset, Span<IoVector> vectors)
        {
            int block = (int)(offset / Block);
            if (block == BlocksAt && Interlocked.Exchange(ref _hasBlocked, 1) == 0)
            {
                IsBlocked.Set();
                Release.Wait(s_patience);
            }

            if (FailsAt >= block && FailsAt < block + vectors.Length)
            {
                throw new IOException("bad block");
            }

            lock (_calls)
            {
                _calls.Add((block, vectors.Length));
            }

            foreach (IoVector vector in vectors)
            {
                // SAFETY: a block of some Memory.
                new Span<byte>((void*)vector.Address, (int)vector.Length).Fill((byte)(++block));
            }
        }

        public void Synchronize()
        {
        }

        public void Discard(long offset, long length)
        {
        }

        public void Dispose()
        {
        }
    }
}
