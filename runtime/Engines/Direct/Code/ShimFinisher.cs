// A guest can be interrupted anywhere, inside a shim too. A shim has no guest state of its own in the middle, so the interpreter
// executes the rest of it, on the state as ring 3 shows it, up to the next guest instruction.
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines.Interpreter;

namespace Runtime.Engines.Direct.Code;

/// <summary>Where a shim that was finished came out.</summary>
internal enum ShimEnd
{
    /// <summary>The state is that before a guest instruction, and EIP is its address.</summary>
    GuestInstruction,

    /// <summary>At the gate, with the site's index in the window.</summary>
    Gate,

    /// <summary>The shim's next instruction faults. The state is unchanged.</summary>
    Fault,
}

internal sealed class ShimFinisher
{
    /// <summary>No trampoline is longer than this many instructions.</summary>
    private const int Longest = 256;

    /// <summary>Finishes the shim that <see cref="VcpuState.Eip"/> is in.</summary>
    public ShimEnd Finish(Cpu cpu, WindowMemory window, TrampolineIndex trampolines)
    {
        VcpuState state = cpu.State;
        GeneralRegisters registers = state.Gpr;
        (uint flags, uint eip) = (state.Eflags, state.Eip);
        cpu.Overlay = window;
        try
        {
            for (int i = 0; i < Longest; i++)
            {
                // Shims are written for ring 3, where IF always shows set and IOPL clear.
                state.Eflags = (state.Eflags | FlagBits.If) & ~FlagBits.Iopl;
                if (!cpu.TryStep(out VmExit exit))
                {
                    break;
                }

                bool isGate = exit.Reason == VmExitReason.Hypercall;
                bool isGuest = !window.Covers(state.Eip);
                if (!isGate && !isGuest && trampolines.TryFind(state.Eip, out LivePatch live, out TrampolineMapEntry entry)
                    && entry.IsRestart && live.Patch.TrampolineAddress + (uint)entry.Offset == state.Eip)
                {
                    state.Eip = entry.GuestAddress;
                    isGuest = true;
                }

                if (isGate || isGuest)
                {
                    state.Eflags = (state.Eflags & ~(FlagBits.If | FlagBits.Iopl)) | (flags & FlagBits.Iopl) | (window[MonitorWindow.Data.VirtualIf] & FlagBits.If);
                    return isGate ? ShimEnd.Gate : ShimEnd.GuestInstruction;
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
}
