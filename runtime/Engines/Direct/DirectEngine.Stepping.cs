// The engine moved one instruction at a time, for whoever compares it with another: natively, by the processor's trap flag.
using Rewriter.Patching;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct;

public sealed partial class DirectEngine
{
    private const byte OpcodePushf = 0x9C;

    private bool _isStepping;
    private bool _hasEntered;
    private bool _isPushingFlags;
    private uint _steppedFrom;

    public bool ReturnsAtEachExit { get; set; }

    public void StoreFpu()
    {
        if (_running is not null)
        {
            _context.StoreFpu(_running);
        }
    }

    public VmExit Step()
    {
        if (!_context.CanRunNatively || !_hasWindow)
        {
            return Emulate();
        }

        // A kick that came late would keep every step from beginning.
        Volatile.Write(ref _kick, false);
        (_isStepping, _hasEntered, _steppedFrom) = (true, false, State.Eip);
        try
        {
            return RunNatively(wantInterruptWindow: false);
        }
        finally
        {
            _isStepping = false;
        }
    }

    public VmExit Interpret() => Emulate();

    public void Forget()
    {
        _isPublished = false;
        _context.ForgetSystem();
        _context.ForgetFpu();
        _cpu.FlushTranslations();
    }

    /// <summary>Has the processor trap behind the first instruction, when the guest is to execute one.</summary>
    private void PrepareStep(StubProcess stub)
    {
        if (_isStepping)
        {
            stub.Line.Eflags |= FlagBits.Tf;
            _isPushingFlags = _window.Covers(stub.Line.Eip) && _window.Bytes(stub.Line.Eip, 1)[0] == OpcodePushf;
        }
    }

    private bool IsStepTrap(StubProcess stub)
        => _isStepping && stub.Word(StubLayout.Signal) == StubSignals.Trap && stub.Word(StubLayout.TrapNumber) == TrapDebug;

    /// <summary>Whether a step ended in a shim, or between the jumps that lead to one.</summary>
    private bool IsBetweenInstructions(AddressSpace space, uint hostEip, bool inWindow)
    {
        if (!inWindow)
        {
            return _mapper.At(space, hostEip)?.PassingAt(hostEip) is not null;
        }

        bool isEntry = !_hasEntered;
        _hasEntered = true;
        return !(_code.Trampolines.TryFind(hostEip, out LivePatch live, out TrampolineMapEntry entry)
            && entry.IsRestart && live.Patch.TrampolineAddress + (uint)entry.Offset == hostEip && (entry.GuestAddress != _steppedFrom || !isEntry));
    }

    private VmExit StepOn(AddressSpace space, uint hostEip)
    {
        HideTrapFlag();
        space.Stub.Line.Eip = hostEip;
        PrepareStep(space.Stub);
        return ResumeInWindow(space);
    }

    private VmExit EndStep(uint hostEip, bool inWindow)
    {
        HideTrapFlag();
        if (inWindow && _code.Trampolines.TryFind(hostEip, out _, out TrampolineMapEntry entry))
        {
            State.Eip = entry.GuestAddress;
        }

        return VmExit.None;
    }

    /// <summary>A shim's PUSHF has shown the guest our trap flag.</summary>
    private void HideTrapFlag()
    {
        if (_isPushingFlags && _cpu.TryTranslate(State.Gpr[VcpuState.Esp], Interpreter.AccessKind.Write, State.Cpl == 3, false, out Interpreter.PageTranslation pushed, out _))
        {
            Memory.Write32(pushed.Physical, Memory.Read32(pushed.Physical) & ~FlagBits.Tf);
        }
    }
}
