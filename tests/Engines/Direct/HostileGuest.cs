// A guest kernel that writes garbage to everything of the monitor's that it can reach: the window, and the gate's arguments.
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
    public static void Run(DirectEngine engine, Random random)
    {
        var a = new Assembler(32);
        const uint window = MonitorWindow.DefaultBase;
        a.cli(); // a shim has run: the window is in use
        for (int i = 0; i < 60; i++)
        {
            uint field = (uint)random.Next(0x240) * 4;
            uint value = random.Next(3) == 0 ? (uint)random.Next(64) : (uint)random.NextInt64(1L << 32);
            a.mov(__dword_ptr[window + field], value);
            switch (random.Next(6))
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
        var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), Start);
        stream.ToArray().CopyTo(engine.Memory.Slice(new GuestPhysicalAddress(Start), (int)stream.Length));
        Runtime.Loading.FlatProtectedMode.Enter(engine.State, Start);
        engine.State.Gpr[VcpuState.Esp] = 0x9_0000;
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

        Assert.Fail("a guest that jumped to the gate goes on for ever");
    }
}
