using Runtime;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Memory;
using Tests.Devices;
using Xunit;

namespace Tests.Engines.Interpreter;

/// <summary>IA32_APIC_BASE (SDM vol. 3, 11.4.3 and 11.4.4).</summary>
public sealed class ApicBaseTests
{
    private const uint Register = 0x1B;

    [Theory]
    [InlineData(0xFEE0_0900ul, true)]
    [InlineData(0xFEE0_0100ul, true)]
    [InlineData(0xFEC0_0900ul, true)]
    [InlineData(0xFEE0_0D00ul, false)] // x2APIC mode
    [InlineData(0xFEE0_0901ul, false)]
    [InlineData(0x10_FEE0_0900ul, false)] // beyond 36 bits
    public void TakesOnlyWhatExists(ulong value, bool isTaken)
    {
        var register = new ApicBaseRegister(isEnabled: true);
        Assert.Equal(isTaken, register.TryWrite(value));
        Assert.Equal(isTaken ? value : 0xFEE0_0900, register.Value);
    }

    [Fact]
    public void CpuidShowsWhetherItIsEnabled()
    {
        var machine = new TestMachine();
        Assert.Equal(0u, Features(machine) >> 9 & 1);
        machine.Cpu.ApicBase = new ApicBaseRegister(isEnabled: false);
        Assert.Equal(0u, Features(machine) >> 9 & 1);
        machine.Cpu.ApicBase.TryWrite(0xFEE0_0900);
        Assert.Equal(1u, Features(machine) >> 9 & 1);
    }

    /// <summary>Gone while it is disabled, as after power-on when it is enabled again, and where the register says.</summary>
    [Fact]
    public void RegistersAreWhereItSays()
    {
        var register = new ApicBaseRegister(isEnabled: true);
        var board = new Board();
        GuestMemory memory = board.Memory;
        board.Platform.AddApics(ApicFitting.On, register, new FakeClock(), () => { });
        Assert.Equal(LocalApic.Version, memory.Read32(0xFEE0_0030));
        Assert.Equal(0x1FFu, memory.Read32(0xFEE0_00F0));
        register.TryWrite(0xFEE0_0100);
        Assert.Equal(uint.MaxValue, memory.Read32(0xFEE0_0030));
        register.TryWrite(0xFED0_0900);
        Assert.Equal(uint.MaxValue, memory.Read32(0xFEE0_0030));
        Assert.Equal(0xFFu, memory.Read32(0xFED0_00F0));
        Assert.Equal(0x1_0000u, memory.Read32(0xFED0_0350));
    }

    /// <summary>QEMU's firmware configuration: the signature, one processor, the RAM.</summary>
    [Fact]
    public void FirmwareConfigurationAnswersAsQemus()
    {
        var device = new FirmwareConfiguration(0x1234_5000);
        Assert.Equal("QEMU"u8.ToArray(), Item(device, 0, 4));
        Assert.Equal([1, 0], Item(device, 5, 2));
        Assert.Equal([0, 0x50, 0x34, 0x12, 0, 0, 0, 0, 0], Item(device, 3, 9));
        Assert.Equal([0, 0], Item(device, 0x8000, 2));
    }

    private static byte[] Item(FirmwareConfiguration device, ushort key, int length)
    {
        device.Write(0, 2, key);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)device.Read(1, 1))];
    }

    private static uint Features(TestMachine machine)
    {
        machine.State.Gpr[0] = 1;
        Assert.True(machine.Cpu.TryIdentify());
        return machine.State.Gpr[2];
    }
}
