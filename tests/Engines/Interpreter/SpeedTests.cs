using System.Diagnostics;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class SpeedTests(ITestOutputHelper output)
{
    /// <summary>Prints instructions per second of a loop with loads, stores, arithmetic, calls. Not a timed test.</summary>
    [Fact]
    public void MixedLoopRunsToItsEnd()
    {
        using var machine = new TestMachine();

        // mov ecx, N; l: mov eax,[200000]; add eax,ecx; mov [200000],eax; call f; dec ecx; jnz l; hlt; f: xor edx,eax; ret
        machine.Write(TestMachine.Code, 0xB9, 0x80, 0x96, 0x98, 0x00,
            0xA1, 0x00, 0x00, 0x20, 0x00, 0x01, 0xC8, 0xA3, 0x00, 0x00, 0x20, 0x00, 0xE8, 0x04, 0x00, 0x00, 0x00, 0x49, 0x75, 0xEC, 0xF4,
            0x31, 0xC2, 0xC3);
        var clock = Stopwatch.StartNew();
        VmExit exit = machine.Run(long.MaxValue);
        double seconds = clock.Elapsed.TotalSeconds;
        Assert.Equal(VmExitReason.Halt, exit.Reason);
        Assert.Equal(50000005000000u & 0xFFFFFFFF, machine.Memory.Read32(0x20_0000));
        output.WriteLine($"{machine.Cpu.InstructionsRetired / seconds / 1e6:F1} million instructions/s");
    }
}
