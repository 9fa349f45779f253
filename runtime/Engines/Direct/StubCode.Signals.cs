// The stub's signal handler: how the guest comes back when something trapped, or was kicked.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Runtime.Engines.Direct;

internal sealed partial class StubEmitter
{
    // struct ucontext, struct sigcontext_64 (arch/x86/include/uapi/asm/sigcontext.h): uc_mcontext begins at 40.
    private const int UcRdi = 104, UcRsi = 112, UcRbp = 120, UcRbx = 128, UcRdx = 136, UcRax = 144, UcRcx = 152, UcRsp = 160, UcRip = 168;
    private const int UcEflags = 176, UcCs = 184, UcSs = 190, UcErr = 192, UcTrapno = 200, UcCr2 = 216, UcFpstate = 224;
    private const int KickSignal = StubSignals.Kick;

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
