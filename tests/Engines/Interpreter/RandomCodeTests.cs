// Hostile code: whatever bytes a guest executes, the processor answers with guest exceptions and exits, never with a .NET one.
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class RandomCodeTests
{
    [Theory]
    [InlineData(1, false, false)]
    [InlineData(2, true, false)]
    [InlineData(3, false, true)]
    [InlineData(4, true, true)]
    public void RandomBytesNeverThrow(int seed, bool paging, bool biased)
    {
        var random = new Random(seed);
        byte[] page = new byte[4096];
        for (int round = 0; round < 150; round++)
        {
            using var machine = new TestMachine(8);
            machine.BuildTables(gateDpl: 3);
            if (paging)
            {
                machine.EnablePaging();
            }

            random.NextBytes(page);
            if (biased)
            {
                Bias(random, page);
            }

            machine.Write(TestMachine.Code, page);
            machine.Write(0x7F_F000, page);
            random.NextBytes(machine.State.Fx.AsSpan(32, 256));
            for (int i = 0; i < 8; i++)
            {
                machine.State.Gpr[i] = random.Next(3) == 0 ? (uint)random.Next() : (uint)random.Next(0x7F_FFFF);
            }

            if (round % 3 == 0)
            {
                machine.EnterRing3();
            }

            for (int restart = 0; restart < 20; restart++)
            {
                machine.State.Eip = TestMachine.Code + (uint)random.Next(4000);
                VmExit exit = machine.Run(200);
                if (exit.Reason == VmExitReason.PortRead)
                {
                    machine.Cpu.CompletePortRead((uint)random.Next());
                }
                else if (exit.Reason == VmExitReason.Shutdown)
                {
                    machine.Cpu.Reset();
                }

                Assert.NotEqual(VmExitReason.Impossible, exit.Reason);
            }
        }
    }

    /// <summary>Sprinkles the opcode maps and groups that random bytes seldom reach.</summary>
    private static void Bias(Random random, byte[] page)
    {
        byte[][] heads = [[0x0F], [0x66, 0x0F], [0xF3, 0x0F], [0xF2, 0x0F], [0xD8], [0xD9], [0xDB], [0xDD], [0xDF], [0x0F, 0x00], [0x0F, 0x01],
            [0x0F, 0xAE], [0x0F, 0xC7], [0xF3], [0x67, 0x66], [0xCF], [0xCB], [0xCD], [0x8E], [0x0F, 0x22], [0x0F, 0x23], [0x9D], [0xFF]];
        for (int at = 0; at < page.Length - 8; at += random.Next(3, 9))
        {
            heads[random.Next(heads.Length)].CopyTo(page, at);
        }
    }
}
