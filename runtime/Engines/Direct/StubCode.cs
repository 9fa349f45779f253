// The stub: the few hundred bytes of 64-bit code that live above the guest in its process. It runs system calls that the monitor
// lists, enters the guest, and comes back by a signal (trap) or by the gate (hypercall). All that it decides is
// whose a page fault is.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Runtime.Engines.Direct;

/// <summary>The assembled stub. <paramref name="Entry"/> and the other addresses are in the stub process.</summary>
internal sealed record StubCode(byte[] Code, ulong Entry, ulong SignalHandler, ulong SignalReturn, ulong Gate, ulong UserGate);

/// <summary>Emits the stub through Iced's assembler, one method a part.</summary>
internal sealed partial class StubEmitter
{
    // Linux x86-64 system calls and ABI constants that the stub itself uses (arch/x86/entry/syscalls/syscall_64.tbl).
    private const int SysMmap = 9, SysRtSigreturn = 15, SysSchedYield = 24, SysGetppid = 110, SysPrctl = 157, SysFutex = 202, SysExitGroup = 231;
    private const int PrSetPdeathsig = 1, Sigkill = 9;
    private const int FutexWait = 0, FutexWake = 1;

    // struct ucontext, struct sigcontext_64 (arch/x86/include/uapi/asm/sigcontext.h): uc_mcontext begins at 40.
    private const int UcRdi = 104, UcRsi = 112, UcRbp = 120, UcRbx = 128, UcRdx = 136, UcRax = 144, UcRcx = 152, UcRsp = 160, UcRip = 168;
    private const int UcEflags = 176, UcCs = 184, UcSs = 190, UcErr = 192, UcTrapno = 200, UcCr2 = 216, UcFpstate = 224;

    /// <summary>Some 10 µs: longer than an exit takes to settle, shorter than anyone would notice.</summary>
    private const int SpinsBeforeSleep = 400;

    /// <summary>Looks at the turn, each after a call of sched_yield, before a parked process sleeps: some 20 us.</summary>
    private const int YieldsBeforeSleep = 64;

    /// <summary>Linux's per-processor GDT entry whose limit holds the processor's number (asm/segment.h, GDT_ENTRY_CPUNODE).</summary>
    private const int ProcessorSelector = 0x7B, ProcessorMask = 0xFFF;
    private const int KickSignal = StubSignals.Kick;

    /// <summary>Linux's trap numbers are the processor's vectors.</summary>
    private const int PageFaultTrap = 14;

    private static readonly AssemblerRegister64 Control = r15;

    private static readonly (AssemblerRegisterSegment Segment, int Offset)[] SegmentFields =
        [(ds, StubLayout.Ds), (es, StubLayout.Es), (fs, StubLayout.Fs), (gs, StubLayout.Gs), (ss, StubLayout.Ss)];

    private readonly Assembler a = new(64);
    private Label _entry, _exit, _wait, _resume, _critical, _criticalEnd, _gate, _userGate, _handler, _restorer, _faultCritical, _faultCriticalEnd, _faultBack, _faultSlow;

    private StubEmitter()
    {
        _entry = a.CreateLabel();
        _exit = a.CreateLabel();
        _wait = a.CreateLabel();
        _resume = a.CreateLabel();
        _critical = a.CreateLabel();
        _criticalEnd = a.CreateLabel();
        _gate = a.CreateLabel();
        _userGate = a.CreateLabel();
        _handler = a.CreateLabel();
        _restorer = a.CreateLabel();
        _faultCritical = a.CreateLabel();
        _faultCriticalEnd = a.CreateLabel();
        _faultBack = a.CreateLabel();
        _faultSlow = a.CreateLabel();
    }

    /// <summary>Assembles the stub for a slot of the control file.</summary>
    /// <param name="slot">Index of its StubControl block.</param>
    /// <param name="monitorPid">The process that must still be the parent once the death signal is armed.</param>
    public static StubCode Assemble(int slot, int monitorPid)
    {
        var emitter = new StubEmitter();
        emitter.EmitEntry(slot, monitorPid);
        emitter.EmitWait();
        emitter.EmitResume();
        emitter.EmitGate();
        emitter.EmitSignalHandler();

        using var stream = new MemoryStream();
        AssemblerResult result = emitter.a.Assemble(
            new StreamCodeWriter(stream), StubLayout.CodeAddress, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return new StubCode(
            stream.ToArray(),
            result.GetLabelRIP(emitter._entry),
            result.GetLabelRIP(emitter._handler),
            result.GetLabelRIP(emitter._restorer),
            result.GetLabelRIP(emitter._gate),
            result.GetLabelRIP(emitter._userGate));
    }

    private static AssemblerMemoryOperand At(int offset) => __[Control + offset];

    private static AssemblerMemoryOperand Dword(int offset) => __dword_ptr[Control + offset];

    private static AssemblerMemoryOperand Qword(int offset) => __qword_ptr[Control + offset];

    /// <summary>Process entry: die with the monitor, map the control block, wait for orders.</summary>
    private void EmitEntry(int slot, int monitorPid)
    {
        Label orphan = a.CreateLabel();
        a.Label(ref _entry);
        // prctl(PR_SET_PDEATHSIG, SIGKILL): the thread that spawned us is the virtual CPU's.
        a.mov(eax, SysPrctl);
        a.mov(edi, PrSetPdeathsig);
        a.mov(esi, Sigkill);
        a.syscall();
        // The parent may have died before that.
        a.mov(eax, SysGetppid);
        a.syscall();
        a.cmp(eax, monitorPid);
        a.jne(orphan);
        // mmap(control, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, ControlFd, offset)
        a.mov(eax, SysMmap);
        a.mov(rdi, StubLayout.ControlAddress);
        a.mov(esi, StubLayout.ControlSize);
        a.mov(edx, 3);
        a.mov(r10d, 0x11);
        a.mov(r8d, StubLayout.ControlFd);
        a.mov(r9, StubLayout.ControlFileOffset + (long)slot * StubLayout.ControlSize);
        a.syscall();
        a.mov(Control, StubLayout.ControlAddress);
        a.cmp(rax, Control);
        a.jne(orphan);
        a.lea(rsp, At(StubLayout.StackTop));
        a.jmp(_wait);
        a.Label(ref orphan);
        a.mov(eax, SysExitGroup);
        a.mov(edi, 1);
        a.syscall();
        a.ud2();
    }

    /// <summary>Hands over to the monitor, waits for the turn, makes the listed system calls, and goes on as told.</summary>
    private void EmitWait()
    {
        Label give = a.CreateLabel(), sameProcessor = a.CreateLabel(), spin = a.CreateLabel(), sleep = a.CreateLabel(), park = a.CreateLabel(), yield = a.CreateLabel(), awake = a.CreateLabel();
        Label turn = a.CreateLabel(), seen = a.CreateLabel(), next = a.CreateLabel(), done = a.CreateLabel(), keep = a.CreateLabel();
        a.Label(ref _exit);
        a.test(Dword(StubLayout.Operation), StubLayout.OperationObserve);
        a.je(give);
        EmitTimeStamp(StubLayout.TurnGiven);
        a.Label(ref give);
        a.mov(eax, StubLayout.TurnMonitor);
        a.xchg(Dword(StubLayout.Turn), eax); // a full barrier: the flag below is read after the turn is given
        a.cmp(Dword(StubLayout.MonitorSleeps), 0);
        a.je(_wait);
        a.mov(eax, SysFutex);
        a.lea(rdi, At(StubLayout.Turn));
        a.mov(esi, FutexWake);
        a.mov(edx, 1);
        a.syscall();

        // From here on the monitor works: what is done now costs nobody time.
        a.Label(ref _wait);
        a.mov(eax, ProcessorSelector);
        a.lsl(eax, eax);
        a.and(eax, ProcessorMask);
        a.cmp(Dword(StubLayout.StubProcessor), eax);
        a.je(sameProcessor);
        a.mov(Dword(StubLayout.StubProcessor), eax);
        a.Label(ref sameProcessor);
        // On the monitor's own processor: sleep at once.
        a.cmp(Dword(StubLayout.MonitorProcessor), eax);
        a.je(sleep);
        a.test(Dword(StubLayout.Operation), StubLayout.OperationPark);
        a.jne(park);
        a.mov(ecx, SpinsBeforeSleep);
        a.Label(ref spin);
        a.cmp(Dword(StubLayout.Turn), StubLayout.TurnStub);
        a.je(turn);
        a.pause();
        a.dec(ecx);
        a.jne(spin);
        a.jmp(sleep);
        // Parked: another process runs here next. Until the monitor wakes it the processor is kept from idling, which takes long to end.
        a.Label(ref park);
        a.mov(ebx, YieldsBeforeSleep);
        a.Label(ref yield);
        a.mov(eax, SysSchedYield);
        a.syscall();
        a.cmp(Dword(StubLayout.Turn), StubLayout.TurnStub);
        a.je(turn);
        a.dec(ebx);
        a.jne(yield);
        // Sleep; the flag is set before the last look at the turn, so that a wake-up is not missed.
        a.Label(ref sleep);
        a.mov(eax, 1);
        a.xchg(Dword(StubLayout.StubSleeps), eax);
        a.mov(edx, Dword(StubLayout.Turn));
        a.cmp(edx, StubLayout.TurnStub);
        a.je(awake);
        a.mov(eax, SysFutex);
        a.lea(rdi, At(StubLayout.Turn));
        a.mov(esi, FutexWait);
        a.xor(r10d, r10d);
        a.syscall();
        a.jmp(sleep);

        a.Label(ref awake);
        a.mov(Dword(StubLayout.StubSleeps), 0);
        a.Label(ref turn);
        a.lea(rsp, At(StubLayout.StackTop));
        a.cmp(Dword(StubLayout.Operation), StubLayout.OperationRun);
        a.je(_resume);
        a.test(Dword(StubLayout.Operation), StubLayout.OperationObserve);
        a.je(seen);
        EmitTimeStamp(StubLayout.TurnSeen);
        a.Label(ref seen);
        // The guest's FPU registers go to memory when the monitor wants to see or move them.
        a.test(Dword(StubLayout.Operation), StubLayout.OperationSaveFpu);
        a.je(keep);
        a.cmp(Dword(StubLayout.FpuInMemory), 0);
        a.jne(keep);
        a.mov(eax, StubLayout.XsaveMask);
        a.xor(edx, edx);
        a.xsave(At(StubLayout.Xsave));
        a.mov(Dword(StubLayout.FpuInMemory), 1);
        a.Label(ref keep);
        // Make the listed system calls, in order.
        a.xor(ebx, ebx);
        a.lea(r12, At(StubLayout.Commands));
        a.Label(ref next);
        a.movzx(eax, __word_ptr[Control + StubLayout.Operation + (StubLayout.CommandCountShift / 8)]);
        a.cmp(ebx, eax);
        a.jae(done);
        a.mov(rax, __qword_ptr[r12]);
        a.mov(rdi, __qword_ptr[r12 + 8]);
        a.mov(rsi, __qword_ptr[r12 + 16]);
        a.mov(rdx, __qword_ptr[r12 + 24]);
        a.mov(r10, __qword_ptr[r12 + 32]);
        a.mov(r8, __qword_ptr[r12 + 40]);
        a.mov(r9, __qword_ptr[r12 + 48]);
        a.syscall();
        a.mov(__qword_ptr[r12 + 56], rax);
        a.add(r12, StubLayout.CommandSize);
        a.inc(ebx);
        a.jmp(next);
        a.Label(ref done);
        a.test(Dword(StubLayout.Operation), StubLayout.OperationRun);
        a.jne(_resume);
        a.mov(Dword(StubLayout.ExitReason), StubLayout.ExitCommands);
        a.jmp(_exit);
    }

    /// <summary>Loads the guest's state and leaves for compatibility mode. From the label critical on nothing may be lost
    /// to a kick: the signal handler turns a kick that strikes there into an exit.</summary>
    private void EmitResume()
    {
        Label go = a.CreateLabel(), fpuLoaded = a.CreateLabel(), keysLoaded = a.CreateLabel(), step = a.CreateLabel();
        a.Label(ref _resume);
        a.nop();
        a.Label(ref _critical);
        a.cmp(Dword(StubLayout.KickPending), 0);
        a.je(go);
        a.mov(Dword(StubLayout.ExitReason), StubLayout.ExitKick);
        a.jmp(_exit);
        a.Label(ref go);
        // FPU, unless it never left the registers.
        a.cmp(Dword(StubLayout.FpuInMemory), 0);
        a.je(fpuLoaded);
        a.mov(eax, StubLayout.XsaveMask);
        a.xor(edx, edx);
        a.xrstor(At(StubLayout.Xsave));
        a.Label(ref fpuLoaded);
        // Data segments, only those that differ.
        foreach ((AssemblerRegisterSegment segment, int offset) in SegmentFields)
        {
            Label same = a.CreateLabel();
            a.mov(eax, segment);
            a.mov(edx, Dword(offset));
            a.cmp(eax, edx);
            a.je(same);
            a.mov(segment, edx);
            a.Label(ref same);
        }

        // Protection keys: guest kernel or guest user.
        a.cmp(Dword(StubLayout.HasPkru), 0);
        a.je(keysLoaded);
        a.xor(ecx, ecx);
        a.rdpkru(); // EDX = 0 afterwards
        a.cmp(eax, Dword(StubLayout.Pkru));
        a.je(keysLoaded);
        a.mov(eax, Dword(StubLayout.Pkru));
        a.wrpkru();
        a.Label(ref keysLoaded);
        a.mov(eax, Dword(StubLayout.Eflags));
        a.test(eax, (int)FlagBits.Tf);
        a.jne(step);
        a.push(rax);
        a.popfq();
        a.mov(eax, Dword(StubLayout.Gpr));
        a.mov(ecx, Dword(StubLayout.Gpr + 4));
        a.mov(edx, Dword(StubLayout.Gpr + 8));
        a.mov(ebx, Dword(StubLayout.Gpr + 12));
        a.mov(esp, Dword(StubLayout.Gpr + 16));
        a.mov(ebp, Dword(StubLayout.Gpr + 20));
        a.mov(esi, Dword(StubLayout.Gpr + 24));
        a.mov(edi, Dword(StubLayout.Gpr + 28));
        // A far jump takes half the time of IRETQ, and the stack segment is loaded already.
        a.jmp(__fword_ptr[Control + StubLayout.Eip]);
        // One instruction: a TF that IRETQ sets traps behind the first of the guest's. Frame: SS, RSP, RFLAGS, CS, RIP.
        a.Label(ref step);
        a.mov(edx, ss);
        a.push(rdx);
        a.mov(edx, Dword(StubLayout.Gpr + 16));
        a.push(rdx);
        a.push(rax);
        a.mov(edx, Dword(StubLayout.Cs));
        a.push(rdx);
        a.mov(edx, Dword(StubLayout.Eip));
        a.push(rdx);
        a.mov(eax, Dword(StubLayout.Gpr));
        a.mov(ecx, Dword(StubLayout.Gpr + 4));
        a.mov(edx, Dword(StubLayout.Gpr + 8));
        a.mov(ebx, Dword(StubLayout.Gpr + 12));
        a.mov(ebp, Dword(StubLayout.Gpr + 20));
        a.mov(esi, Dword(StubLayout.Gpr + 24));
        a.mov(edi, Dword(StubLayout.Gpr + 28));
        a.iretq();
        a.Label(ref _criticalEnd);
        a.ud2();
    }

    /// <summary>The door for hypercalls: a far jump from compatibility mode comes here by way of the window's gate, which leaves the site
    /// in r14 and the virtual IF in r13. All guest registers are still in place.</summary>
    private void EmitGate()
    {
        const int ours = (int)(FlagBits.Df | FlagBits.Nt | FlagBits.Ac);
        Label store = a.CreateLabel(), clean = a.CreateLabel(), fpuStays = a.CreateLabel();
        a.Label(ref _userGate);
        a.mov(r12d, StubLayout.ExitUserGate);
        a.jmp(store);
        a.Label(ref _gate);
        a.mov(r12d, StubLayout.ExitGate);
        a.Label(ref store);
        a.mov(Control, StubLayout.ControlAddress);
        a.mov(Dword(StubLayout.Gpr), eax);
        a.mov(Dword(StubLayout.Gpr + 4), ecx);
        a.mov(Dword(StubLayout.Gpr + 8), edx);
        a.mov(Dword(StubLayout.Gpr + 12), ebx);
        a.mov(Dword(StubLayout.Gpr + 16), esp);
        a.mov(Dword(StubLayout.Gpr + 20), ebp);
        a.mov(Dword(StubLayout.Gpr + 24), esi);
        a.mov(Dword(StubLayout.Gpr + 28), edi);
        a.lea(rsp, At(StubLayout.StackTop));
        a.pushfq();
        a.pop(rax);
        a.mov(Dword(StubLayout.Eflags), eax);
        a.mov(Dword(StubLayout.SiteIndex), r14d);
        a.mov(Dword(StubLayout.VirtualIf), r13d);
        a.mov(Dword(StubLayout.ExitReason), r12d);
        // Flags of the guest that must not reach our own code.
        a.test(eax, ours);
        a.je(clean);
        a.push(2);
        a.popfq();
        a.Label(ref clean);
        a.cmp(Dword(StubLayout.FpuInMemory), 0);
        a.je(fpuStays);
        a.mov(Dword(StubLayout.FpuInMemory), 0);
        a.Label(ref fpuStays);
        a.jmp(_exit);
    }

    /// <summary>Clobbers rax and rdx.</summary>
    private void EmitTimeStamp(int field)
    {
        a.rdtsc();
        a.shl(rdx, 32);
        a.or(rax, rdx);
        a.mov(Qword(field), rax);
    }

    /// <summary>
    /// Every signal. rdi = number, rsi = siginfo, rdx = ucontext. From guest code: copy the frame into the control block and exit;
    /// the frame is then abandoned, the next signal starts again at the top of the signal stack. From the stub's own code: a kick is
    /// noted; anything else is a defect or a hostile guest, and is reported as such.
    /// </summary>
    private void EmitSignalHandler()
    {
        Label fromGuest = a.CreateLabel(), notKick = a.CreateLabel(), kickExit = a.CreateLabel();
        a.Label(ref _handler);
        a.mov(Control, StubLayout.ControlAddress);
        a.push(2);
        a.popfq();
        // Whose code? Ours is 64-bit code above 4 GiB. (A SYSENTER of the guest leaves a 32-bit CS and a wild RIP.)
        a.mov(rax, __qword_ptr[rdx + UcRip]);
        a.cmp(__word_ptr[rdx + UcCs], MonitorWindow.GateSelector);
        a.jne(fromGuest);
        a.mov(r8, rax);
        a.shr(r8, 32);
        a.je(fromGuest);
        a.cmp(edi, KickSignal);
        a.jne(notKick);
        a.mov(Dword(StubLayout.KickPending), 1);
        // On the way to the guest's page-fault handler: not now.
        Label elsewhere = a.CreateLabel();
        a.lea(r8, __[_faultCritical]);
        a.cmp(rax, r8);
        a.jb(elsewhere);
        a.lea(r8, __[_faultCriticalEnd]);
        a.cmp(rax, r8);
        a.jae(elsewhere);
        a.lea(r8, __[_faultBack]);
        a.mov(__qword_ptr[rdx + UcRip], r8);
        a.jmp(_restorer);
        a.Label(ref elsewhere);
        a.lea(r8, __[_critical]);
        a.cmp(rax, r8);
        a.jb(_restorer);
        a.lea(r8, __[_criticalEnd]);
        a.cmp(rax, r8);
        a.jae(_restorer);
        // On the way into the guest: turn round. The control block still holds the guest's state, but for the FPU
        // when it was only in the registers.
        a.cmp(Dword(StubLayout.FpuInMemory), 0);
        a.jne(kickExit);
        EmitCopyFpu();
        a.Label(ref kickExit);
        a.mov(Dword(StubLayout.ExitReason), StubLayout.ExitKick);
        a.lea(rsp, At(StubLayout.StackTop));
        a.jmp(_exit);

        a.Label(ref notKick);
        a.mov(Dword(StubLayout.Signal), edi);
        a.mov(r8, __qword_ptr[rdx + UcTrapno]);
        a.mov(Dword(StubLayout.TrapNumber), r8d);
        EmitStoreRip();
        a.mov(Dword(StubLayout.ExitReason), StubLayout.ExitStubFault);
        a.lea(rsp, At(StubLayout.StackTop));
        a.jmp(_exit);

        a.Label(ref fromGuest);
        EmitPageFault();
        a.Label(ref _faultSlow);
        a.mov(Dword(StubLayout.Signal), edi);
        a.mov(rax, __qword_ptr[rdx + UcRip]);
        EmitStoreRip();
        foreach ((int from, int to) in new[]
        {
            (UcRax, StubLayout.Gpr), (UcRcx, StubLayout.Gpr + 4), (UcRdx, StubLayout.Gpr + 8), (UcRbx, StubLayout.Gpr + 12),
            (UcRsp, StubLayout.Gpr + 16), (UcRbp, StubLayout.Gpr + 20), (UcRsi, StubLayout.Gpr + 24), (UcRdi, StubLayout.Gpr + 28),
            (UcEflags, StubLayout.Eflags), (UcTrapno, StubLayout.TrapNumber), (UcErr, StubLayout.ErrorCode),
        })
        {
            a.mov(eax, __dword_ptr[rdx + from]);
            a.mov(Dword(to), eax);
        }

        a.mov(rax, __qword_ptr[rdx + UcCr2]);
        a.mov(Qword(StubLayout.FaultAddress), rax);
        a.movzx(eax, __word_ptr[rdx + UcCs]);
        a.mov(Dword(StubLayout.Cs), eax);
        // Of the segment registers the signal changed CS and SS.
        foreach ((AssemblerRegisterSegment segment, int offset) in SegmentFields)
        {
            a.mov(eax, segment);
            a.mov(Dword(offset), eax);
        }

        a.movzx(eax, __word_ptr[rdx + UcSs]);
        a.mov(Dword(StubLayout.Ss), eax);
        EmitCopyFpu();
        a.mov(Dword(StubLayout.ExitReason), StubLayout.ExitSignal);
        a.lea(rsp, At(StubLayout.StackTop));
        a.jmp(_exit);

        a.Label(ref _restorer);
        // rt_sigreturn finds its frame at rsp - 8 after the handler's return address is popped: rdx points at the ucontext.
        a.mov(rsp, rdx);
        a.mov(eax, SysRtSigreturn);
        a.syscall();
        a.ud2();
    }

    /// <summary>The RIP in rax. Clobbers rax.</summary>
    private void EmitStoreRip()
    {
        a.mov(Dword(StubLayout.Eip), eax);
        a.shr(rax, 32);
        a.mov(Dword(StubLayout.EipHigh), eax);
    }

    /// <summary>The frame's FPU state becomes the one in the control block. Clobbers rax, rcx, rsi, rdi.</summary>
    private void EmitCopyFpu()
    {
        a.mov(rsi, __qword_ptr[rdx + UcFpstate]);
        a.lea(rdi, At(StubLayout.Xsave));
        a.mov(ecx, StubLayout.XsaveSize / 8);
        a.rep.movsq();
        // Only what we restore may be marked present; the compaction field stays zero (SDM vol. 1, 13.8.1).
        a.and(Dword(StubLayout.Xsave + 512), StubLayout.XsaveMask);
        a.mov(Dword(StubLayout.Xsave + 516), 0);
        a.mov(Dword(StubLayout.FpuInMemory), 1);
    }
}
