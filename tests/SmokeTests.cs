using Xunit;

namespace Tests;

public sealed class SmokeTests
{
    [Fact]
    public void GuestMemoryIsOpenBusPastItsEnd()
    {
        using var memory = new Runtime.Memory.GuestMemory(4096);
        memory.Write32(4094, 0x44332211);
        Assert.Equal(0xFFFF2211u, memory.Read32(4094));
    }
}
