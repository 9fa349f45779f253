// The gates: where shims go when they leave for the monitor, 64-bit code in the monitor window.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Runtime.Engines.Direct;

internal static class GateCode
{
    /// <summary>Assembles the page of the gates. What the monitor wants to know of the window goes along in registers: the guest's processor has
    /// it in its cache, the monitor's has not.</summary>
    /// <param name="stub">Its gates are at the same addresses in all stub processes.</param>
    public static byte[] Emit(uint windowBase, StubCode stub)
    {
        var page = new byte[4096];
        Emit(windowBase, MonitorWindow.GateOffset, MonitorWindow.Data.SiteIndex, stub.Gate).CopyTo(page, 0);
        Emit(windowBase, MonitorWindow.UserGateOffset, MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex, stub.UserGate)
            .CopyTo(page, (int)(MonitorWindow.UserGateOffset - MonitorWindow.GateOffset));
        return page;
    }

    private static byte[] Emit(uint windowBase, uint gate, uint site, ulong target)
    {
        var a = new Assembler(64);
        a.mov(r14d, windowBase + site);
        a.mov(r14d, __dword_ptr[r14]);
        if (gate == MonitorWindow.GateOffset)
        {
            a.mov(r13d, windowBase + MonitorWindow.Data.VirtualIf);
            a.mov(r13d, __dword_ptr[r13]);
            foreach (uint field in new[] { MonitorWindow.Data.PostRoom, SwitcherLayout.ReturnWanted })
            {
                a.mov(r12d, windowBase + field);
                a.mov(r12d, __dword_ptr[r12]);
                a.lea(r13d, __[r13 + r12]); // below IF; no flag may change here
            }
        }

        // Not through memory: the guest's EFLAGS.AC is still in force, and a misaligned pointer would fault.
        a.mov(r12, target);
        a.jmp(r12);
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), windowBase + gate);
        return stream.ToArray();
    }
}
