using Runtime.Engines.Interpreter;
using Xunit;

namespace Tests.Engines.Interpreter;

/// <summary>What the guest is told of speculative execution is what the host's kernel says of the host.</summary>
public sealed class HostImmunityTests
{
    [Theory]
    [InlineData("Not affected\n", 1u)]
    [InlineData("Mitigation: PTI\n", 0u)]
    [InlineData("Vulnerable\n", 0u)]
    [InlineData("", 0u)]
    [InlineData(null, 0u)]
    public void OnlyWhatTheHostsKernelVouchesFor(string? says, uint capabilities)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory();
        if (says is not null)
        {
            File.WriteAllText(Path.Combine(directory.FullName, "meltdown"), says);
        }

        Assert.Equal(capabilities, HostImmunity.Read(directory.FullName));
        directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void TheRegisterIsThereWhereThereIsSomethingToSay(uint capabilities)
    {
        const uint register = 0x10A, hasRegister = 1 << 29;
        var model = new CpuModel { ArchitecturalCapabilities = capabilities };
        Assert.Equal(capabilities != 0, (model.Leaf(7, 0).Edx & hasRegister) != 0);
        Assert.True(capabilities == 0 || model.Leaf(0, 0).Eax >= 7);
        using var machine = new TestMachine(model: model);
        machine.State.Gpr[Runtime.Engines.VcpuState.Ecx] = register;
        Assert.Equal(capabilities != 0, machine.Cpu.TryReadModelSpecific());
        Assert.True(capabilities == 0 || machine.State.Gpr[Runtime.Engines.VcpuState.Eax] == capabilities);
    }
}
