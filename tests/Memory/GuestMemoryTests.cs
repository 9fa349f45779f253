// Guest RAM at its edges: nothing that a guest addresses may reach beyond the mapping.
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Engines.Interpreter;
using Runtime.Memory;
using Xunit;

namespace Tests.Memory;

public sealed class GuestMemoryTests
{
    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(4095ul)]
    public void LengthIsAWholeNumberOfFrames(ulong length) => Assert.Throws<ArgumentOutOfRangeException>(() => new GuestMemory(length));

    [Theory]
    [InlineData(8191ul)]
    [InlineData(8190ul)]
    [InlineData(8189ul)]
    [InlineData(8188ul)]
    [InlineData(8192ul)]
    [InlineData(0xFFFF_FFFFul)]
    [InlineData(0xFFFF_FFFCul)]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 2)]
    public void StoresThatPassTheEndKeepWhatIsInside(ulong address)
    {
        using var memory = new GuestMemory(8192);
        memory.Write32(address, 0x44332211);
        for (uint i = 0; i < 4; i++)
        {
            byte expected = unchecked(address + i) < 8192 ? (byte)(0x11 * (i + 1)) : (byte)0xFF;
            if (address <= ulong.MaxValue - 4)
            {
                Assert.Equal(expected, memory.Read8(address + i));
            }
        }
    }

    [Theory]
    [InlineData(8192ul, 1)]
    [InlineData(8191ul, 2)]
    [InlineData(0ul, 8193)]
    [InlineData(0ul, -1)]
    [InlineData(ulong.MaxValue, 1)]
    public void SlicesOutsideAreRefused(ulong address, int length)
    {
        using var memory = new GuestMemory(8192);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(new GuestPhysicalAddress(address), length).Length);
    }

    [Fact]
    public void AnEmptySliceAtTheEndIsRight()
    {
        using var memory = new GuestMemory(8192);
        Assert.Equal(0, memory.Slice(new GuestPhysicalAddress(8192), 0).Length);
    }

    [Fact]
    public void FramesAreResidentOnceTheyHaveBeenTouched()
    {
        const int frames = 64;
        using var engine = new DirectEngine(ExecutionMode.Trap, frames * 4096, CpuModel.Default, new ExitCounters());
        GuestMemory memory = engine.Memory;
        Assert.False(memory.IsResident(0, frames));
        for (uint frame = 0; frame < frames - 1; frame++)
        {
            memory.Write8(frame * 4096, 1);
        }

        Assert.True(memory.IsResident(0, frames - 1));
        Assert.False(memory.IsResident(0, frames));
        memory.Discard(7);
        Assert.False(memory.IsResident(0, 8));
        Assert.True(memory.IsResident(8, frames - 9));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.IsResident(1, frames));
    }

    [Fact]
    public void UnalignedWidthsAgree()
    {
        using var memory = new GuestMemory(4096);
        var random = new Random(1);
        random.NextBytes(memory.FrameBytes(0));
        for (uint at = 0; at < 4088; at++)
        {
            ulong wide = memory.Read64(at);
            Assert.Equal((uint)wide, memory.Read32(at));
            Assert.Equal((ushort)wide, memory.Read16(at));
            Assert.Equal((byte)wide, memory.Read8(at));
        }
    }
}
