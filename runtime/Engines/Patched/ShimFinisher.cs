// A guest can be interrupted anywhere, inside a shim too. A shim has no guest state of its own in the middle, so the interpreter
// executes the rest of it, on the state as ring 3 shows it, up to the next guest instruction.
using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines.Interpreter;

namespace Runtime.Engines.Patched;

/// <summary>Where a shim that was finished came out.</summary>
internal enum ShimEnd
{
    /// <summary>The state is that before a guest instruction, and EIP is its address.</summary>
    GuestInstruction,

    /// <summary>At the gate, with the site's index in the window.</summary>
    Gate,

    /// <summary>At the gate for user code.</summary>
    UserGate,

    /// <summary>An instruction of the shim faults.</summary>
    Fault,

    /// <summary>It is no shim of ours: it does not come to an end.</summary>
    Endless,
}

internal sealed class ShimFinisher
{
    /// <summary>No trampoline is longer than this many instructions.</summary>
    private const int Longest = 256;

    /// <summary>Instructions until a trampoline counts as endless.</summary>
    private const int Endless = 1 << 20;

    /// <summary>Finishes the shim that <see cref="VcpuState.Eip"/> is in.</summary>
    /// <param name="live">The patch that it belongs to.</param>
    /// <param name="entry">The instruction that it stands for.</param>
    public ShimEnd Finish(Cpu cpu, WindowMemory window, TrampolineIndex trampolines, LivePatch live, TrampolineMapEntry entry, Predicate<uint> isSwitcher)
    {
        if (LoadsSegment(live, entry) && TryBeginAnew(cpu.State, window, live, entry))
        {
            return ShimEnd.GuestInstruction;
        }

        VcpuState state = cpu.State;
        GeneralRegisters registers = state.Gpr;
        (uint flags, uint eip) = (state.Eflags, state.Eip);
        cpu.Overlay = window;
        try
        {
            for (int i = 0; i < Longest; i++)
            {
                ShowRing3(state);
                if (!cpu.TryStep(out VmExit exit))
                {
                    break;
                }

                // In the switcher the interpreter has nothing to do: its site is named by now.
                bool isGate = exit.Reason == VmExitReason.Hypercall || isSwitcher(state.Eip);
                uint door = (exit.Reason == VmExitReason.Hypercall ? exit.Value : state.Eip) - window.Base;
                bool isGuest = !window.Covers(state.Eip);
                if (!isGate && !isGuest && trampolines.TryFind(state.Eip, out LivePatch next, out TrampolineMapEntry begun)
                    && begun.IsRestart && next.Patch.TrampolineAddress + (uint)begun.Offset == state.Eip)
                {
                    state.Eip = begun.GuestAddress;
                    isGuest = true;
                }

                if (isGate || isGuest)
                {
                    ShowGuest(state, flags, window);
                    return isGate ? Gate(door) : ShimEnd.GuestInstruction;
                }
            }
        }
        finally
        {
            cpu.Overlay = null;
        }

        (state.Gpr, state.Eflags, state.Eip) = (registers, flags, eip);
        return ShimEnd.Fault;
    }

    /// <param name="door">An address in the window: one of the gates, or one of the switcher's ways to them.</param>
    private static ShimEnd Gate(uint door)
        => door is MonitorWindow.UserGateOffset or (>= MonitorWindow.EnterOffset and < MonitorWindow.LeaveOffset) ? ShimEnd.UserGate : ShimEnd.Gate;

    /// <summary>A shim faulted at <see cref="VcpuState.Eip"/>: puts back the registers that it keeps in scratch. Only those that look at
    /// descriptors can fault with such registers in use, when a process does not have the GDT or the host's descriptor yet.</summary>
    public void Abandon(VcpuState state, WindowMemory window, LivePatch live, TrampolineMapEntry entry)
    {
        if (LoadsSegment(live, entry) || Verifies(live, entry))
        {
            TryBeginAnew(state, window, live, entry);
        }
    }

    private static bool LoadsSegment(LivePatch live, TrampolineMapEntry entry)
        => live.Owner.TryGetInstruction(entry.GuestAddress, out Instruction site)
            && site.Code is Iced.Intel.Code.Mov_Sreg_r32m16 or Iced.Intel.Code.Mov_Sreg_rm16
                or Iced.Intel.Code.Popd_DS or Iced.Intel.Code.Popd_ES or Iced.Intel.Code.Popd_FS or Iced.Intel.Code.Popd_GS;

    /// <summary>Whether a shim stands for VERW.</summary>
    public static bool Verifies(LivePatch live, TrampolineMapEntry entry)
        => live.Owner.TryGetInstruction(entry.GuestAddress, out Instruction site) && site.Code is Iced.Intel.Code.Verw_r32m16 or Iced.Intel.Code.Verw_rm16;

    /// <summary>The stubs that load segment registers handle host selectors, which mean nothing to the interpreter. They can be begun anew at any
    /// place before ESP changes: the registers that they keep in scratch are put back.</summary>
    private static bool TryBeginAnew(VcpuState state, WindowMemory window, LivePatch live, TrampolineMapEntry entry)
    {
        Patch patch = live.Patch;
        uint scratch = window.Base + MonitorWindow.Data.Scratch;
        var decoder = Decoder.Create(32, new ByteArrayCodeReader(patch.Trampoline[entry.Offset..].ToArray()), patch.TrampolineAddress + (uint)entry.Offset);
        GeneralRegisters restored = state.Gpr;
        uint kept = 0;
        while ((uint)decoder.IP != state.Eip)
        {
            decoder.Decode(out Instruction executed);
            if (decoder.LastError != DecoderError.None || (uint)decoder.IP > state.Eip || (executed.Code == Iced.Intel.Code.Lea_r32_m && executed.Op0Register == Register.ESP))
            {
                return false;
            }

            if (executed.Code == Iced.Intel.Code.Mov_rm32_r32 && executed.Op0Kind == OpKind.Memory && executed.MemoryDisplacement32 - scratch < 16
                && (kept & 1u << (executed.Op1Register - Register.EAX)) == 0)
            {
                kept |= 1u << (executed.Op1Register - Register.EAX);
                restored[executed.Op1Register - Register.EAX] = window[executed.MemoryDisplacement32 - window.Base];
            }
        }

        state.Gpr = restored;
        state.Eip = entry.GuestAddress;
        return true;
    }

    /// <summary>Executes a whole trampoline from <see cref="VcpuState.Eip"/> on, moved guest instructions included. When one faults the
    /// state is that before it, with EIP in the window.</summary>
    public ShimEnd Execute(Cpu cpu, WindowMemory window)
    {
        VcpuState state = cpu.State;
        uint flags = state.Eflags;
        ShimEnd? end = null;
        for (int i = 0; end is null; i++)
        {
            ShowRing3(state);
            end = !cpu.TryStep(out VmExit exit) ? ShimEnd.Fault
                : exit.Reason == VmExitReason.Hypercall ? Gate(exit.Value - window.Base)
                : exit.Reason != VmExitReason.None || i == Endless ? ShimEnd.Endless
                : window.Covers(state.Eip) ? null : ShimEnd.GuestInstruction;
            ShowGuest(state, flags, window);
        }

        return end.Value;
    }

    /// <summary>Shims are written for ring 3, where IF always shows set and IOPL clear.</summary>
    private static void ShowRing3(VcpuState state) => state.Eflags = (state.Eflags | FlagBits.If) & ~FlagBits.Iopl;

    private static void ShowGuest(VcpuState state, uint flags, WindowMemory window)
        => state.Eflags = (state.Eflags & ~(FlagBits.If | FlagBits.Iopl)) | (flags & FlagBits.Iopl) | (window[MonitorWindow.Data.VirtualIf] & FlagBits.If);
}
