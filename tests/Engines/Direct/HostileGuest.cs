// Guest kernels that write garbage to everything of the monitor's that they can reach: the window and the gate's arguments, and, from
// 64-bit code that they jump to, the control block of their stub process.
using Iced.Intel;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Memory;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Direct;

internal static class HostileGuest
{
    private const uint Start = 0x10_0000;

    /// <summary>Runs until the guest dies or has done its worst; the monitor must not throw.</summary>
    public static void GarbleWindow(DirectEngine engine, Random random)
    {
        var a = new Assembler(32);
        const uint window = MonitorWindow.DefaultBase;
        a.cli(); // a shim has run: the window is in use
        for (int i = 0; i < 60; i++)
        {
            uint field = (uint)random.Next(0x240) * 4;
            uint value = random.Next(3) == 0 ? (uint)random.Next(64) : (uint)random.NextInt64(1L << 32);
            a.mov(__dword_ptr[window + field], value);
            switch (random.Next(7))
            {
                case 0:
                    a.sti();
                    break;
                case 1:
                    a.mov(eax, ds);
                    a.mov(es, eax);
                    break;
                case 2:
                    a.pushfd();
                    a.and(__dword_ptr[esp], 0x2FF); // no single step
                    a.popfd();
                    break;
                case 3:
                    a.mov(__dword_ptr[window + MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex], value);
                    break;
            }
        }

        // The gate with a site that is none, or somebody's.
        a.mov(__dword_ptr[window + MonitorWindow.Data.SiteIndex], random.Next(3) == 0 ? (uint)random.Next(8) : (uint)random.NextInt64(1L << 32));
        a.db([0xEA, .. BitConverter.GetBytes(window + MonitorWindow.GateOffset), (byte)MonitorWindow.GateSelector, 0]);
        a.hlt();
        Run(engine, random, Encode(a, Start));
    }

    /// <summary>The same with the control block.</summary>
    public static void GarbleControl(DirectEngine engine, Random random)
    {
        const uint here = Start + 7;
        var a = new Assembler(64);
        a.mov(r15, StubLayout.ControlAddress);
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                int offset = random.Next(3) == 0 ? random.Next(StubLayout.ControlSize / 4) * 4 : random.Next(StubLayout.XsaveSize + StubLayout.Xsave) / 4 * 4;
                bool isHandOver = offset is StubLayout.Turn or StubLayout.StubSleeps or StubLayout.MonitorSleeps;
                if (!isHandOver)
                {
                    a.mov(__dword_ptr[r15 + offset], random.Next(2) == 0 ? random.Next(64) : random.Next(int.MinValue, int.MaxValue));
                }
            }

            // Back to the monitor with a plausible reason, then wait for another turn as the stub would.
            Label wait = a.CreateLabel();
            a.mov(__dword_ptr[r15 + StubLayout.ExitReason], random.Next(6));
            if (random.Next(2) == 0)
            {
                a.mov(__dword_ptr[r15 + StubLayout.Cs], 0x23);
                a.mov(__dword_ptr[r15 + StubLayout.EipHigh], 0);
            }

            a.mov(__dword_ptr[r15 + StubLayout.Turn], StubLayout.TurnMonitor);
            a.Label(ref wait);
            a.pause();
            a.cmp(__dword_ptr[r15 + StubLayout.Turn], StubLayout.TurnStub);
            a.jne(wait);
        }

        a.ud2();
        Run(engine, random, [0xEA, .. BitConverter.GetBytes(here), 0x33, 0, .. Encode(a, here)]);
    }

    /// <summary>From 64-bit code, says for ever that a kick has found it in the gate.</summary>
    public static void StayInGate(DirectEngine engine)
    {
        const uint here = Start + 7;
        var a = new Assembler(64);
        Label again = a.CreateLabel(), wait = a.CreateLabel();
        a.mov(r15, StubLayout.ControlAddress);
        a.Label(ref again);
        a.mov(__dword_ptr[r15 + StubLayout.ExitReason], StubLayout.ExitSignal);
        a.mov(__dword_ptr[r15 + StubLayout.Signal], StubSignals.Kick);
        a.mov(__dword_ptr[r15 + StubLayout.Cs], MonitorWindow.GateSelector);
        a.mov(__dword_ptr[r15 + StubLayout.Eip], unchecked((int)(MonitorWindow.DefaultBase + MonitorWindow.GateOffset)));
        a.mov(__dword_ptr[r15 + StubLayout.EipHigh], 0);
        a.mov(__dword_ptr[r15 + StubLayout.Turn], StubLayout.TurnMonitor);
        a.Label(ref wait);
        a.pause();
        a.cmp(__dword_ptr[r15 + StubLayout.Turn], StubLayout.TurnStub);
        a.jne(wait);
        a.jmp(again);
        Load(engine, [0xEA, .. BitConverter.GetBytes(here), 0x33, 0, .. Encode(a, here)]);
        VmExit exit = engine.Run(wantInterruptWindow: false);
        Assert.Equal((VmExitReason.Impossible, "it does not leave the monitor window"), (exit.Reason, exit.Detail));
    }

    private static byte[] Encode(Assembler a, uint address)
    {
        var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }

    private static void Load(DirectEngine engine, byte[] code)
    {
        code.CopyTo(engine.Memory.Slice(new GuestPhysicalAddress(Start), code.Length));
        Runtime.Loading.FlatProtectedMode.Enter(engine.State, Start);
        engine.State.Gpr[VcpuState.Esp] = 0x9_0000;
    }

    private static void Run(DirectEngine engine, Random random, byte[] code)
    {
        Load(engine, code);
        using var watchdog = new Timer(_ => engine.Kick(), null, 200, 200);
        for (int exits = 0; exits < 200; exits++)
        {
            VmExit exit = engine.Run(random.Next(4) == 0);
            switch (exit.Reason)
            {
                case VmExitReason.Impossible or VmExitReason.Shutdown or VmExitReason.Halt or VmExitReason.Kicked:
                    return;
                case VmExitReason.PortRead:
                    engine.CompletePortRead(0);
                    break;
                case VmExitReason.InterruptWindow:
                    engine.State.InterruptsEnabled = false;
                    break;
            }
        }

        Assert.Fail("a hostile guest goes on for ever");
    }
}
