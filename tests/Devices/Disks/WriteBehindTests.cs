using System.Collections.Concurrent;
using Runtime.Devices.Disks;
using Xunit;

namespace Tests.Devices.Disks;

/// <summary>The host is asked to begin writing for what was written, once, when there is enough of it.</summary>
public sealed class WriteBehindTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30), s_moment = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void EnoughIsStartedOnce()
    {
        using var started = new BlockingCollection<(long, long)>();
        using (var behind = new WriteBehind((first, length) => started.Add((first, length))))
        {
            behind.Wrote(WriteBehind.Step, WriteBehind.Step - 1);
            Assert.False(started.TryTake(out _, s_moment));
            behind.Wrote(512, 1);
            Assert.True(started.TryTake(out (long First, long Length) range, s_patience));
            Assert.Equal((512, (WriteBehind.Step * 2) - 1 - 512), range);
            behind.Wrote(0, WriteBehind.Step - 1);
            Assert.False(started.TryTake(out _, s_moment));
        }

        Assert.Empty(started);
    }

    [Fact]
    public void WhatIsWrittenWhileTheHostIsBusyComesTogether()
    {
        using var started = new BlockingCollection<(long, long)>();
        using var goOn = new SemaphoreSlim(0);
        using var behind = new WriteBehind((first, length) =>
        {
            started.Add((first, length));
            goOn.Wait();
        });
        behind.Wrote(0, WriteBehind.Step);
        Assert.True(started.TryTake(out _, s_patience));
        for (int i = 1; i <= 3; i++)
        {
            behind.Wrote(WriteBehind.Step * i, WriteBehind.Step);
        }

        goOn.Release(2);
        Assert.True(started.TryTake(out (long First, long Length) rest, s_patience));
        Assert.Equal((WriteBehind.Step, WriteBehind.Step * 3), rest);
    }

    [Fact]
    public void AFlushLeavesNothingToStart()
    {
        using var started = new BlockingCollection<(long, long)>();
        using var behind = new WriteBehind((first, length) => started.Add((first, length)));
        behind.Wrote(0, WriteBehind.Step - 1);
        behind.Flushing();
        behind.Wrote(0, 1);
        Assert.False(started.TryTake(out _, s_moment));
    }

    /// <summary>Through a file: its thread is accounted for, and all is there.</summary>
    [Fact]
    public void AFileIsWrittenAsEver()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] block = new byte[1 << 20];
            using (FileStream file = File.Create(path))
            {
                file.SetLength(3 * WriteBehind.Step);
            }

            using (var disk = RawFile.Open(path, FileAccess.ReadWrite))
            {
                Assert.Equal(0, disk.ThreadNanoseconds);
                for (long offset = 0; offset < disk.Length; offset += block.Length)
                {
                    Array.Fill(block, (byte)(offset >> 20));
                    disk.Write(offset, block);
                }

                Assert.True(!OperatingSystem.IsLinux() || SpinWait.SpinUntil(() => disk.ThreadNanoseconds > 0, s_patience));
                disk.Synchronize();
            }

            byte[] written = File.ReadAllBytes(path);
            Assert.All(Enumerable.Range(0, written.Length >> 12), page => Assert.Equal((byte)(page >> 8), written[page << 12]));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
