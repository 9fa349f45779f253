// The fetch-execute loop and what happens between two instructions (SDM vol. 3, 6.9: priority among events).
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const int KickInterval = 1024;

    /// <summary>Something between instructions needs a look: TF, an interrupt shadow, breakpoints, RF, a wanted interrupt window.</summary>
    private bool _attention;

    /// <summary><see cref="Attend"/> was called.</summary>
    private bool _isCalled;

    private bool _wantWindow;
    private uint _nextEip;

    /// <summary>Executes one instruction, or one element of INS/OUTS. A guest exception it raises is delivered before this returns.</summary>
    public VmExit Step()
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _wantWindow = false;
        VmExit exit = StepCarefully(null, 0);
        _attention = false;
        return exit;
    }

    /// <summary>Like <see cref="Step"/>, for callers who know that nothing needs a look between instructions: no TF, RF, breakpoint or
    /// interrupt shadow.</summary>
    public VmExit StepPlain()
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _wantWindow = false;
        uint eip = _state.Eip;
        DecodedInstruction? d = FetchFast(eip) ?? FetchSlow(eip);
        if (d is not null)
        {
            _nextEip = eip + d.Length;
            if (d.Execute(d))
            {
                _state.Eip = _nextEip;
                _retired++;
                return VmExit.None;
            }
        }

        return Settle();
    }

    /// <summary>Executes one instruction like <see cref="Step"/>, by an effect from elsewhere: made of this class's Try methods, the
    /// first of which that returns false must be the last, and false returned then.</summary>
    /// <param name="length">Of the instruction at EIP, in bytes.</param>
    public VmExit Perform(int length, Func<bool> effect)
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _wantWindow = false;
        VmExit exit = StepCarefully(effect, (uint)length);
        _attention = false;
        return exit;
    }

    /// <summary>Like <see cref="Step"/>, but a guest fault is not delivered: nothing has changed then.</summary>
    /// <returns>False when the instruction faults.</returns>
    public bool TryStep(out VmExit exit)
    {
        _holdFaults = true;
        _faultWasHeld = false;
        exit = Step();
        _holdFaults = false;
        return !_faultWasHeld;
    }

    /// <summary>From within <see cref="Run"/>: looks for a kick before the next instruction.</summary>
    public void Attend() => _isCalled = _attention = true;

    /// <summary>Executes until an exit, the budget is spent or <paramref name="kick"/> becomes true (it is not reset here).</summary>
    public VmExit Run(bool wantInterruptWindow, long maxInstructions, ref bool kick)
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _wantWindow = wantInterruptWindow;
        _attention = true;
        while (maxInstructions > 0)
        {
            if (Volatile.Read(ref kick))
            {
                break;
            }

            long slice = Math.Min(maxInstructions, KickInterval);
            maxInstructions -= slice;
            VmExit exit = RunSlice((int)slice);
            if (exit.Reason != VmExitReason.None)
            {
                return exit;
            }
        }

        return new VmExit(VmExitReason.Kicked);
    }

    // Optimized at once: guests often end before tiered compilation would have got to it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private VmExit RunSlice(int budget)
    {
        while (budget-- > 0)
        {
            if (_attention)
            {
                if (_isCalled)
                {
                    _isCalled = false;
                    return VmExit.None;
                }

                if (_wantWindow && _state.InterruptsEnabled && !_state.InterruptShadow)
                {
                    return new VmExit(VmExitReason.InterruptWindow);
                }

                VmExit careful = StepCarefully(null, 0);
                if (careful.Reason != VmExitReason.None)
                {
                    return careful;
                }

                continue;
            }

            uint eip = _state.Eip;
            DecodedInstruction? d = FetchFast(eip) ?? FetchSlow(eip);
            if (d is not null)
            {
                _nextEip = eip + d.Length;
                if (d.Execute(d))
                {
                    _state.Eip = _nextEip;
                    _retired++;
                    continue;
                }
            }

            VmExit exit = Settle();
            if (exit.Reason != VmExitReason.None)
            {
                return exit;
            }
        }

        return VmExit.None;
    }

    private VmExit StepCarefully(Func<bool>? effect, uint length)
    {
        uint flags = _state.Eflags;
        bool shadow = _state.InterruptShadow;
        bool stackShadow = _stackShadow;
        _state.InterruptShadow = false;
        _stackShadow = false;
        _trapBits = 0;
        _attention = false;
        _enteredHandler = false;
        if ((flags & FlagBits.Rf) == 0 && HitsInstructionBreakpoint())
        {
            _state.InterruptShadow = shadow;
            RecordFault(ExceptionVector.Debug);
            return Settle();
        }

        _loadedFlags = false;
        _nextEip = _state.Eip + length;
        bool done = effect is null ? TryExecute() : effect();
        VmExit exit = VmExit.None;
        if (done)
        {
            _state.Eip = _nextEip;
            _retired++;
            if (!_loadedFlags)
            {
                _state.Eflags &= ~FlagBits.Rf;
            }
        }
        else
        {
            bool faulted = _faultVector >= 0;
            exit = Settle();
            if (faulted)
            {
                AskForAttention();
                return exit;
            }

            // The instruction itself is still to come.
            _state.InterruptShadow = exit.Reason == VmExitReason.Shim ? shadow : _state.InterruptShadow;
        }

        // SDM vol. 3, 17.3.1.4: the trap comes after the instruction that TF was set for; INT n and gates clear TF on their way.
        if ((flags & FlagBits.Tf) != 0 && !_enteredHandler && exit.Reason is not (VmExitReason.PortRead or VmExitReason.Shim))
        {
            _trapBits |= Dr6SingleStep;
        }

        if (_trapBits != 0 && !_stackShadow)
        {
            VmExit trap = RaiseDebugTrap();
            exit = exit.Reason == VmExitReason.None ? trap : exit;
        }

        AskForAttention();
        return exit;
    }

    /// <summary>Derives <see cref="_attention"/> from the state; called after anything that may have changed what it depends on.</summary>
    private void AskForAttention()
        => _attention = _isCalled || _state.InterruptShadow || _stackShadow || (_state.Eflags & (FlagBits.Tf | FlagBits.Rf)) != 0
            || (_state.Dr7 & 0xFF) != 0 || (_wantWindow && _state.InterruptsEnabled);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private DecodedInstruction? FetchFast(uint eip)
    {
        uint linear = _codeBase + eip;
        ref TlbEntry entry = ref _tlb[linear >> 12 & TlbMask];
        if (entry.Fetch != (_tlbGeneration | linear >> 12) || (linear & 0xFFF) > 0xFF0 || eip > _codeFastLimit)
        {
            return null;
        }

        ulong physical = entry.Physical + (linear & 0xFFF);
        DecodedInstruction? d = _cache[CacheIndex(physical)];
        Vector128<byte> bytes = LoadRamVector(physical);
        return d is not null && d.Key == (physical | _codeKey) && (bytes & d.Mask) == d.Bytes ? d : DecodeAt(physical, bytes);
    }
}
