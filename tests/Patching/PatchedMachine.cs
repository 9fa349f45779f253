// Runs code on the interpreter, original or patched, and reports the guest's state at every guest instruction: the test's monitor.
using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Tests.Engines.Interpreter;

namespace Tests.Patching;

/// <summary>What the guest could see before one instruction.</summary>
internal readonly record struct GuestMoment(uint Eip, string Registers, uint Eflags)
{
    public override string ToString() => $"{Eip:x8} {Registers} flags {Eflags:x}";
}

/// <summary>A bare machine in ring 0, or, with a plan, one in ring 3 with patched copies of the code and a monitor window.</summary>
internal sealed class PatchedMachine : IDisposable
{
    private readonly TestMachine machine = new();
    private Cpu monitor;
    private Cpu runner;
    private readonly RandomCode code;
    private readonly uint start;
    private readonly PatchPlan? plan;
    private readonly Dictionary<uint, uint> restarts = [];
    private readonly Dictionary<uint, uint> guests = [];
    private readonly byte[] copy;
    private readonly Window window;
    private uint iopl;

    public PatchedMachine(RandomCode code, uint start, PatchPlan? plan)
    {
        (this.code, this.start, this.plan) = (code, start, plan);
        copy = (byte[])code.Bytes.Clone();
        window = new Window(plan?.WindowBase ?? 0);
        if (plan is not null)
        {
            // No switcher here: both ways lead to the gate (jmp far).
            foreach (uint door in new[] { MonitorWindow.EnterOffset, MonitorWindow.LeaveOffset })
            {
                window.Write(door + 1, plan.WindowBase + MonitorWindow.GateOffset);
                window.Write(door + 5, MonitorWindow.GateSelector);
                window.Bytes(plan.WindowBase + door, 1)[0] = 0xEA;
            }
        }

        machine.Write(start, code.Bytes);
        monitor = runner = null!;
        foreach (Patch patch in plan?.Patches ?? [])
            Apply(patch);
    }

    public VcpuState State => machine.State;

    public VmExit LastExit { get; private set; }

    /// <summary>Starts over with new processors and other registers; the stack holds random words.</summary>
    public void Reset(Random random, uint eip, bool isEventPending)
    {
        machine.Write(start, code.Bytes);
        monitor = new Cpu(State, machine.Memory, CpuModel.Default, new StoppedClock());
        runner = plan is null ? monitor : new Cpu(State, machine.Memory, CpuModel.Default, new StoppedClock()) { Overlay = window, CodeView = new Copies(machine, start, copy) };
        for (int i = 0; i < 8; i++)
            State.Gpr[i] = (uint)random.Next();
        State.Gpr[VcpuState.Esp] = TestMachine.Stack;
        for (uint at = TestMachine.Stack - 0x1000; at < TestMachine.Stack + 0x1000; at += 4)
            machine.Memory.Write32(at, (uint)random.Next() & (random.Next(2) == 0 ? 0x0000_3ED5u : 0xFFFu));
        State.Eip = eip;
        State.Cr3 = 0;
        State.Cpl = 0;
        State.InterruptShadow = false;
        SetSegments(0);
        iopl = 0;
        State.Eflags = 2 | (uint)random.Next() & (FlagBits.Arithmetic | FlagBits.If);
        window.Write(MonitorWindow.Data.EventPending, isEventPending ? 0x200u : 0);
        window.Write(MonitorWindow.Data.Cr0, State.Cr0);
        for (uint i = 0; i < 6; i++)
            window.Write(MonitorWindow.Data.Selectors + 4 * i, State.Segments[(int)i].Selector);
        if (plan is not null)
            EnterRing3();
    }

    /// <summary>The moments from the start on, until control leaves the code or something happens that ends the run.</summary>
    public IEnumerable<GuestMoment> Run(int limit)
    {
        int count = 0;
        do
        {
            if (TryMoment() is not GuestMoment moment)
                continue;
            yield return moment;
            if (++count == limit)
                yield break;
        }
        while (Step());
    }

    public void Dispose() => machine.Dispose();

    public ReadOnlySpan<byte> StackBytes => machine.Memory.Slice(new Runtime.Memory.GuestPhysicalAddress(TestMachine.Stack - 0x1000), 0x2000);

    private void Apply(Patch patch)
    {
        patch.NewBytes.Span.CopyTo(copy.AsSpan((int)(patch.Address - start)));
        patch.Trampoline.Span.CopyTo(window.Bytes(patch.TrampolineAddress, patch.Trampoline.Length));
        foreach (TrampolineMapEntry entry in patch.Map.Where(entry => entry.IsRestart && entry.GuestAddress - patch.Address < (uint)patch.NewBytes.Length))
        {
            restarts.Add(entry.GuestAddress, patch.TrampolineAddress + (uint)entry.Offset);
            guests.Add(patch.TrampolineAddress + (uint)entry.Offset, entry.GuestAddress);
        }
    }

    // A guest instruction begins where the code is not patched, and at the restart points of trampolines.
    private GuestMoment? TryMoment()
    {
        uint eip = State.Eip;
        if (window.Covers(eip) ? !guests.TryGetValue(eip, out eip) : restarts.ContainsKey(eip) || !code.Context.TryGetInstruction(eip, out _))
            return null;

        uint flags = plan is null ? State.Eflags : State.Eflags & ~0x200u | window.Read(MonitorWindow.Data.VirtualIf) | iopl;
        string registers = string.Join(' ', Enumerable.Range(0, 8).Select(i => State.Gpr[i].ToString("x8")));
        return new GuestMoment(eip, registers, flags & ~FlagBits.Rf);
    }

    private bool Step()
    {
        uint eip = State.Eip;
        if (!window.Covers(eip) && eip - start >= (uint)copy.Length)
            return false;

        if (plan is not null && !window.Covers(eip) && GuardBytes.IsGuard(copy[eip - start]))
        {
            // A trap: either a guard, which stands for a displaced instruction, or a site that is a trap itself.
            if (!restarts.TryGetValue(eip, out uint restart))
                return Emulate(eip);
            State.Eip = restart;
            return true;
        }

        bool kick = false;
        VmExit exit = runner.Run(false, 1, ref kick);
        if (exit.Reason == VmExitReason.Hypercall)
            return Emulate((uint)plan!.Sites[(int)window.Read(MonitorWindow.Data.SiteIndex)].Site.Address);
        return Settle(exit, runner);
    }

    // Performs the original instruction in ring 0, as the monitor does, and goes on behind it.
    private bool Emulate(uint site)
    {
        machine.State.Cpl = 0;
        SetSegments(0);
        State.Eip = site;
        State.Eflags = State.Eflags & ~0x200u | window.Read(MonitorWindow.Data.VirtualIf) | iopl;
        bool kick = false;
        if (!Settle(monitor.Run(false, 1, ref kick), monitor))
            return false;
        EnterRing3();
        if (restarts.TryGetValue(State.Eip, out uint restart))
            State.Eip = restart;
        return true;
    }

    private bool Settle(VmExit exit, Cpu cpu)
    {
        LastExit = exit;
        if (exit.Reason == VmExitReason.PortRead)
            cpu.CompletePortRead(0x5A5A_5A5A);
        // TF, NT and AC change what follows in ways that are the monitor's business.
        return exit.Reason is VmExitReason.None or VmExitReason.Kicked or VmExitReason.PortRead or VmExitReason.PortWrite or VmExitReason.Halt
            && (State.Eflags & (FlagBits.Tf | FlagBits.Nt | FlagBits.Ac)) == 0;
    }

    private void EnterRing3()
    {
        iopl = State.Eflags & FlagBits.Iopl;
        window.Write(MonitorWindow.Data.VirtualIf, State.Eflags & FlagBits.If);
        window.Write(MonitorWindow.Data.FlagsBias, iopl - FlagBits.If);
        State.Eflags = State.Eflags & ~FlagBits.Iopl | FlagBits.If;
        State.Cpl = 3;
        SetSegments(3);
    }

    private void SetSegments(int ring)
    {
        for (int i = 0; i < 6; i++)
        {
            bool isCode = i == (int)SegmentIndex.Cs;
            State.Segments[i] = new SegmentRegister((ushort)((isCode ? 0x08 : 0x10) | ring), 0, uint.MaxValue, (ushort)((isCode ? 0xC09B : 0xC093) | ring << 5));
        }
    }

    private sealed class StoppedClock : ITimeStamp
    {
        public ulong Read() => 0x1234_5678_9ABC_DEF0;
    }

    private sealed class Copies(TestMachine machine, uint start, byte[] copy) : ICodeView
    {
        private readonly byte[] page = new byte[4096];

        public bool IsShim(uint linear) => false;

        public ReadOnlySpan<byte> Page(uint linearPage, uint frame, int cpl)
        {
            machine.Memory.Slice(new Runtime.Memory.GuestPhysicalAddress(linearPage), page.Length).CopyTo(page);
            for (int i = 0; i < page.Length; i++)
            {
                uint offset = linearPage + (uint)i - start;
                if (offset < (uint)copy.Length)
                    page[i] = copy[offset];
            }

            return page;
        }
    }

    private sealed class Window(uint windowBase) : ILinearOverlay
    {
        private readonly byte[] bytes = new byte[windowBase == 0 ? 0x1000 : MonitorWindow.Size];

        public bool Covers(uint linear) => windowBase != 0 && linear - windowBase < MonitorWindow.Size;

        public bool Permits(uint linear, AccessKind access, bool user) => true;

        public Span<byte> Bytes(uint linear, int length) => linear == 0 ? default : bytes.AsSpan((int)(linear - windowBase), length);

        public uint Read(uint offset) => BitConverter.ToUInt32(bytes, (int)offset);

        public void Write(uint offset, uint value) => BitConverter.TryWriteBytes(bytes.AsSpan((int)offset), value);
    }
}
