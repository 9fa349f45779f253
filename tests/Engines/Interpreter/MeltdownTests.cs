using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;

namespace Tests.Engines.Interpreter;

/// <summary>A guest is told that it needs no page-table isolation where that is so, in the register that Linux asks.</summary>
public sealed class MeltdownTests
{
    private const uint ArchitecturalCapabilities = 0x10A;

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void TheCapabilityIsThereIfCpuidSaysSo(bool isFree, bool hasRate)
    {
        var model = new CpuModel { IsMeltdownFree = isFree, InvariantTimeStamp = hasRate };
        using var machine = new TestMachine(model: model);
        Assert.Equal(isFree, model.Leaf(0, 0).Eax >= 7 && (model.Leaf(7, 0).Edx & 1u << 29) != 0);

        machine.State.Gpr[VcpuState.Ecx] = ArchitecturalCapabilities;
        machine.State.Gpr[VcpuState.Eax] = machine.State.Gpr[VcpuState.Edx] = 0xABCD;
        Assert.Equal(isFree, machine.Cpu.TryReadModelSpecific());
        Assert.Equal(isFree ? 1u : 0xABCDu, machine.State.Gpr[VcpuState.Eax]);
        Assert.Equal(isFree ? 0u : 0xABCDu, machine.State.Gpr[VcpuState.Edx]);
    }

    [Fact]
    public void ItIsReadOnly()
    {
        using var machine = new TestMachine(model: new CpuModel { IsMeltdownFree = true });
        machine.State.Gpr[VcpuState.Ecx] = ArchitecturalCapabilities;
        Assert.False(machine.Cpu.TryWriteModelSpecific());
    }
}
