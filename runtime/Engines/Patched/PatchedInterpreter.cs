// Para mode on the interpreter: the same patches and shims that the direct engine executes, interpreted. The reference for patched code.
using System.Diagnostics;
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Engines.Patched;

/// <summary>The interpreter on a guest whose code is patched as it is met.</summary>
public sealed class PatchedInterpreter : IExecutionEngine, ICpuObserver
{
    private readonly InterpreterEngine _plain;
    private readonly Cpu _cpu;
    private readonly ExitCounters _counters;
    private readonly ExitCounter _hypercall;
    private readonly CodeCache _code;
    private readonly WindowMemory _window;
    private readonly FetchedCode _fetched;
    private readonly ShimFinisher _shims = new();

    /// <param name="counters">Where the hypercalls that the engine settles itself are accounted for.</param>
    /// <param name="imagePlan">The plan of a rewritten image.</param>
    /// <param name="model">The processor to be; the usual one when null.</param>
    public PatchedInterpreter(GuestMemory memory, ExitCounters counters, PatchPlan? imagePlan, CpuModel? model = null)
    {
        _plain = new InterpreterEngine(new VcpuState(), memory, model);
        _cpu = _plain.Cpu;
        _counters = counters;
        _hypercall = counters.Open("Hypercall");
        var codeFlags = new byte[memory.FrameCount];
        var storage = new PrivateCodeStorage();
        ImagePlan? plan = ImagePlan.For(imagePlan, ExecutionMode.Para, memory.Length);
        _window = new WindowMemory(storage, plan?.WindowBase ?? MonitorWindow.DefaultBase);
        _window.ResetSlots();
        _window.CloseSwitcher();
        _code = new CodeCache(storage, memory, codeFlags, ExecutionMode.Para, _window.Base, plan, Returned, imagePlan);
        _fetched = new FetchedCode(_code, _cpu, memory, _window);
        (_cpu.Observer, _cpu.FrameFlags, _cpu.CodeView, _cpu.Overlay) = (this, codeFlags, _fetched, _fetched);
    }

    /// <summary>The processor that everything runs on.</summary>
    public Cpu Processor => _cpu;

    /// <summary>Hypercalls that the run loop wants to see.</summary>
    public ReturnedSites Returned { get; } = new();

    public VcpuState State => _cpu.State;

    public VmExit Run(bool wantInterruptWindow)
    {
        while (true)
        {
            VmExit exit = _plain.Run(wantInterruptWindow);
            if (exit.Reason == VmExitReason.Shim)
            {
                exit = RunShim(wantInterruptWindow);
            }

            if (exit.Reason != VmExitReason.None)
            {
                return exit;
            }
        }
    }

    public void CompletePortRead(uint value) => _plain.CompletePortRead(value);

    public void Interrupt(byte vector) => _plain.Interrupt(vector);

    public void InterruptNonMaskable() => _plain.InterruptNonMaskable();

    public void Kick() => _plain.Kick();

    public void LookAnew() => _plain.LookAnew();

    public void Dispose() => _plain.Dispose();

    void ICpuObserver.ControlRegisterWritten(int register, uint before, uint after) => _fetched.Forget();

    void ICpuObserver.TlbFlushed(bool includingGlobal) => _fetched.Forget();

    void ICpuObserver.PageInvalidated(uint linear) => _fetched.Forget();

    void ICpuObserver.SegmentLoaded(SegmentIndex index)
    {
    }

    void ICpuObserver.SegmentVerified(SegmentRegister segment)
    {
    }

    void ICpuObserver.PhysicalWrite(uint frame, int offset, int length) => _fetched.Written(frame, offset, length);

    private VmExit RunShim(bool wantInterruptWindow)
    {
        _window.Publish(State, wantInterruptWindow);
        _fetched.IsInShim = true;
        ShimEnd end = _shims.Execute(_cpu, _window);
        _fetched.IsInShim = false;
        switch (end)
        {
            case ShimEnd.GuestInstruction:
                return VmExit.None;
            case ShimEnd.Gate or ShimEnd.UserGate:
                return OnGate(_window.Site(end == ShimEnd.UserGate));
            case ShimEnd.Fault when _code.Trampolines.TryFind(State.Eip, out _, out TrampolineMapEntry entry):
                // As behind a trap: the original instruction faults the same way, with the right EIP.
                State.Eip = entry.GuestAddress;
                return StepPlainly();
            default:
                return VmExit.Impossible("it went astray in the monitor window");
        }
    }

    private VmExit OnGate(uint index)
    {
        if (_code.Site(index) is not CodeSite site)
        {
            return State.Cpl == 3
                ? _cpu.RaiseException(ExceptionVector.GeneralProtection, 0)
                : VmExit.Impossible("it entered the gate without naming a site");
        }

        State.Eip = site.Address;
        if (State.Cpl == 0 && site.IsReturned(Returned, index, out uint asked))
        {
            return new VmExit(VmExitReason.Hypercall, Value: asked);
        }

        long began = Stopwatch.GetTimestamp();
        VmExit exit = StepPlainly();
        _counters.Record(_hypercall, site.Address, (long)Stopwatch.GetElapsedTime(began).TotalNanoseconds);
        return exit;
    }

    /// <summary>The original instruction at EIP.</summary>
    private VmExit StepPlainly()
    {
        _fetched.IsPlain = true;
        VmExit exit = _cpu.Step();
        _fetched.IsPlain = false;
        return exit;
    }
}
