// The switcher: IA-32 code in the monitor window that does what the processor does for INT n from user mode and for IRET, without an
// exit, while the descriptors involved are the ones that the monitor has seen. Everything else goes to the gate with nothing changed.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Runtime.Engines.Direct;

/// <summary>The assembled switcher and the places in it that matter when it is interrupted; addresses in the guest.</summary>
/// <param name="EnterSaved">From here on the user's registers are in UserData.</param>
/// <param name="EnterFlags">From here on its flags are, too.</param>
/// <param name="EnterCommit">From here to <paramref name="EnterDone"/> the switch has happened.</param>
/// <param name="LeaveSaved">From here on EAX, ECX, EDX and ESP are in scratch.</param>
/// <param name="LeaveFlags">From here on the flags are on the switcher's stack.</param>
/// <param name="FaultCommit">From here to <paramref name="FaultDone"/> the page fault has been delivered.</param>
internal sealed record SwitcherCode(
    byte[] EnterBytes,
    byte[] LeaveBytes,
    byte[] FaultBytes,
    uint EnterSaved,
    uint EnterFlags,
    uint EnterCommit,
    uint EnterDone,
    uint LeaveSaved,
    uint LeaveFlags,
    uint SameCommit,
    uint SameDone,
    uint UserCommit,
    uint UserDone,
    uint FaultCommit,
    uint FaultDone)
{
    /// <summary>No switcher: both ways lead to the gate.</summary>
    public static readonly SwitcherCode None = new([], [], [], Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere, Nowhere);

    private const uint Nowhere = uint.MaxValue;
}

/// <summary>Emits the switcher for a window and a pair of PKRU values.</summary>
/// <param name="kernelPkru">Rights of the guest kernel.</param>
/// <param name="userPkru">Rights of its users.</param>
internal sealed class SwitcherEmitter(uint windowBase, uint kernelPkru, uint userPkru)
{
    // TF NT VM AC VIF VIP in the image that IRET pops: for the monitor. RF, which a fault leaves there, means nothing while no breakpoint is
    // set, and then nothing runs natively.
    private const uint Special = 0x1E_4100;

    public SwitcherCode Emit()
    {
        byte[] enter = EmitEnter(out uint[] e);
        byte[] leave = EmitLeave(out uint[] l);
        byte[] fault = EmitFault(out uint[] f);
        return new SwitcherCode(enter, leave, fault, e[0], e[1], e[2], e[3], l[0], l[1], l[2], l[3], l[4], l[5], f[0], f[1]);
    }

    private AssemblerMemoryOperand Field(uint offset) => __dword_ptr.ss[windowBase + offset];

    /// <summary>INT n from user mode: the registers are the user's, the protection keys too.</summary>
    private byte[] EmitEnter(out uint[] places)
    {
        var a = new Assembler(32);
        Label saved = a.CreateLabel(), flags = a.CreateLabel(), commit = a.CreateLabel(), done = a.CreateLabel(), slow = a.CreateLabel(), hostile = a.CreateLabel();
        a.mov(Field(SwitcherLayout.UserEax), eax);
        a.mov(Field(SwitcherLayout.UserEcx), ecx);
        a.mov(Field(SwitcherLayout.UserEdx), edx);
        a.mov(Field(SwitcherLayout.UserEbx), ebx);
        a.mov(Field(SwitcherLayout.UserEsp), esp);
        a.Label(ref saved);
        a.mov(esp, windowBase + SwitcherLayout.UserStackTop);
        a.pushfd();
        a.Label(ref flags);
        a.mov(eax, kernelPkru);
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.wrpkru();
        // Whoever jumped straight to WRPKRU with other rights in EAX goes no further.
        a.cmp(eax, kernelPkru);
        a.jne(hostile);
        a.cmp(Field(MonitorWindow.Data.Cpl), 3);
        a.jne(slow);
        a.mov(eax, Field(MonitorWindow.UserDataOffset + MonitorWindow.User.Vector));
        a.cmp(eax, Field(SwitcherLayout.Vector));
        a.jne(slow);
        EmitFindStack(a, SwitcherLayout.GateDescriptor, slow);
        EmitFrame(a, resumeFlag: 0, MonitorWindow.UserDataOffset + MonitorWindow.User.Return);
        a.Label(ref commit);
        EmitKernel(a, SwitcherLayout.GateIfMask, frame: 20, SwitcherLayout.GateTarget);
        a.Label(ref done);
        a.nop();
        a.Label(ref slow);
        a.mov(esp, windowBase + SwitcherLayout.UserFlags);
        a.popfd();
        a.mov(esp, Field(SwitcherLayout.UserEsp));
        a.mov(ebx, Field(SwitcherLayout.UserEbx));
        a.mov(edx, Field(SwitcherLayout.UserEdx));
        a.mov(ecx, Field(SwitcherLayout.UserEcx));
        a.mov(eax, Field(SwitcherLayout.UserEax));
        a.jmp(MonitorWindow.GateSelector, windowBase + MonitorWindow.UserGateOffset);
        a.Label(ref hostile);
        a.ud2();
        byte[] code = Assemble(a, windowBase + MonitorWindow.EnterOffset, out AssemblerResult result);
        places = [(uint)result.GetLabelRIP(saved), (uint)result.GetLabelRIP(flags), (uint)result.GetLabelRIP(commit), (uint)result.GetLabelRIP(done)];
        return code;
    }

    /// <summary>A page fault in user mode. The stub has put the user's registers into UserData and the fault's EIP and error code beside CR2; the
    /// rights are the kernel's.</summary>
    private byte[] EmitFault(out uint[] places)
    {
        var a = new Assembler(32);
        Label commit = a.CreateLabel(), done = a.CreateLabel(), slow = a.CreateLabel();
        EmitFindStack(a, SwitcherLayout.FaultGateDescriptor, slow);
        EmitFrame(a, FlagBits.Rf, SwitcherLayout.FaultEip);
        a.mov(eax, Field(SwitcherLayout.FaultError));
        a.mov(__dword_ptr.ss[ebx - 24], eax);
        a.Label(ref commit);
        a.mov(esp, windowBase + SwitcherLayout.UserFlags);
        EmitKernel(a, SwitcherLayout.FaultIfMask, frame: 24, SwitcherLayout.FaultTarget);
        a.Label(ref done);
        a.nop();
        // The tables are not what they were: the monitor delivers it.
        a.Label(ref slow);
        a.ud2();
        byte[] code = Assemble(a, windowBase + MonitorWindow.FaultOffset, out AssemblerResult result);
        places = [(uint)result.GetLabelRIP(commit), (uint)result.GetLabelRIP(done)];
        return code;
    }

    /// <summary>The stack of ring 0 in EBX, if all that the processor would read on the way to a handler is what it was, and the user's segments
    /// are those that were learned. Clobbers EAX and EDX.</summary>
    private void EmitFindStack(Assembler a, uint gate, Label slow)
    {
        foreach ((SegmentIndex index, uint learned) in new[] { (SegmentIndex.Cs, SwitcherLayout.UserCs), (SegmentIndex.Ss, SwitcherLayout.UserSs) })
        {
            a.mov(eax, Field(MonitorWindow.Data.Selectors + (4 * (uint)index)));
            a.cmp(eax, Field(learned));
            a.jne(slow);
        }

        EmitCompare(a, gate, slow);
        EmitCompare(a, SwitcherLayout.KernelCsDescriptor, slow);
        EmitCompare(a, SwitcherLayout.KernelSsDescriptor, slow);
        a.mov(edx, Field(SwitcherLayout.TaskStack));
        a.movzx(eax, __word_ptr.ss[edx + 4]);
        a.cmp(eax, Field(SwitcherLayout.KernelSs));
        a.jne(slow);
        a.mov(ebx, __dword_ptr.ss[edx]);
    }

    /// <summary>Writes SS, ESP, EFLAGS, CS, EIP below EBX. A fault here is taken back by the monitor.</summary>
    private void EmitFrame(Assembler a, uint resumeFlag, uint eip)
    {
        a.mov(eax, Field(SwitcherLayout.UserSs));
        a.mov(__dword_ptr.ss[ebx - 4], eax);
        a.mov(eax, Field(SwitcherLayout.UserEsp));
        a.mov(__dword_ptr.ss[ebx - 8], eax);
        a.mov(eax, Field(SwitcherLayout.UserFlags));
        a.and(eax, ~FlagBits.Rf);
        a.add(eax, Field(MonitorWindow.Data.VirtualIf));
        a.add(eax, Field(MonitorWindow.Data.FlagsBias));
        a.or(eax, resumeFlag);
        a.mov(__dword_ptr.ss[ebx - 12], eax);
        a.mov(eax, Field(SwitcherLayout.UserCs));
        a.mov(__dword_ptr.ss[ebx - 16], eax);
        a.mov(eax, Field(eip));
        a.mov(__dword_ptr.ss[ebx - 20], eax);
    }

    /// <summary>The switch itself. ESP is at the user's flags.</summary>
    private void EmitKernel(Assembler a, uint ifMask, int frame, uint target)
    {
        a.mov(Field(MonitorWindow.Data.Cpl), 0);
        a.mov(eax, Field(SwitcherLayout.KernelCs));
        a.mov(Field(MonitorWindow.Data.Selectors + (4 * (uint)SegmentIndex.Cs)), eax);
        a.mov(eax, Field(SwitcherLayout.KernelSs));
        a.mov(Field(MonitorWindow.Data.Selectors + (4 * (uint)SegmentIndex.Ss)), eax);
        a.mov(eax, Field(ifMask));
        a.and(Field(MonitorWindow.Data.VirtualIf), eax);
        // TF, NT and RF end at a gate (SDM vol. 3, 6.12.1.3); the other flags go through.
        a.and(Field(SwitcherLayout.UserFlags), ~(FlagBits.Tf | FlagBits.Nt | FlagBits.Rf));
        a.popfd();
        a.lea(esp, __[ebx - frame]);
        a.mov(ebx, Field(SwitcherLayout.UserEbx));
        a.mov(edx, Field(SwitcherLayout.UserEdx));
        a.mov(ecx, Field(SwitcherLayout.UserEcx));
        a.mov(eax, Field(SwitcherLayout.UserEax));
        a.jmp(Field(target));
    }

    /// <summary>IRET in kernel mode: to the same level, or to the user.</summary>
    private byte[] EmitLeave(out uint[] places)
    {
        var a = new Assembler(32);
        Label saved = a.CreateLabel(), flags = a.CreateLabel(), sameCommit = a.CreateLabel(), sameDone = a.CreateLabel();
        Label user = a.CreateLabel(), userCommit = a.CreateLabel(), userDone = a.CreateLabel(), slow = a.CreateLabel();
        a.mov(Field(MonitorWindow.Data.Scratch), eax);
        a.mov(Field(MonitorWindow.Data.Scratch + 4), ecx);
        a.mov(Field(MonitorWindow.Data.Scratch + 8), edx);
        a.mov(Field(MonitorWindow.Data.Scratch + 12), esp);
        a.Label(ref saved);
        a.mov(esp, windowBase + SwitcherLayout.StackTop);
        a.pushfd();
        a.Label(ref flags);
        a.cmp(Field(MonitorWindow.Data.Cpl), 0);
        a.jne(slow);
        a.cmp(Field(SwitcherLayout.ReturnWanted), 0);
        a.jne(slow);
        a.mov(edx, Field(MonitorWindow.Data.Scratch + 12));
        a.mov(eax, __dword_ptr.ss[edx + 8]);
        a.mov(Field(SwitcherLayout.LeaveFlags), eax);
        a.test(eax, Special);
        a.jne(slow);
        a.xor(eax, Field(MonitorWindow.Data.Iopl));
        a.test(eax, FlagBits.Iopl);
        a.jne(slow);
        // IF would become set while an event waits: the monitor delivers it.
        a.mov(eax, Field(SwitcherLayout.LeaveFlags));
        a.test(Field(MonitorWindow.Data.EventPending), eax);
        a.jne(slow);
        a.movzx(ecx, __word_ptr.ss[edx + 4]);
        a.cmp(ecx, Field(SwitcherLayout.UserCs));
        a.je(user);
        a.cmp(ecx, Field(SwitcherLayout.KernelCs));
        a.jne(slow);

        // To the same level.
        EmitCompareKeepingEdx(a, SwitcherLayout.KernelCsDescriptor, slow);
        EmitLookUp(a, SwitcherLayout.LeaveTarget);
        a.add(edx, 12);
        a.mov(Field(SwitcherLayout.LeaveEsp), edx);
        a.mov(eax, Field(SwitcherLayout.LeaveFlags));
        a.mov(ecx, eax);
        a.and(eax, FlagBits.If);
        a.Label(ref sameCommit);
        a.mov(Field(MonitorWindow.Data.SiteIndex), -1);
        a.mov(Field(MonitorWindow.Data.VirtualIf), eax);
        a.mov(Field(SwitcherLayout.StackTop - 4), ecx);
        a.popfd(); // IF and IOPL stay as they are in ring 3
        a.mov(esp, Field(SwitcherLayout.LeaveEsp));
        a.mov(edx, Field(MonitorWindow.Data.Scratch + 8));
        a.mov(ecx, Field(MonitorWindow.Data.Scratch + 4));
        a.mov(eax, Field(MonitorWindow.Data.Scratch));
        a.jmp(Field(SwitcherLayout.LeaveTarget));
        a.Label(ref sameDone);
        a.nop();

        // To the user.
        a.Label(ref user);
        a.movzx(eax, __word_ptr.ss[edx + 16]);
        a.cmp(eax, Field(SwitcherLayout.UserSs));
        a.jne(slow);
        EmitCompareKeepingEdx(a, SwitcherLayout.UserCsDescriptor, slow);
        EmitCompareKeepingEdx(a, SwitcherLayout.UserSsDescriptor, slow);
        // Data segments that the user may not keep are cleared by the processor: then the monitor does it.
        a.mov(eax, Field(MonitorWindow.Data.SegmentIsUser + (4 * (uint)SegmentIndex.Es)));
        a.and(eax, Field(MonitorWindow.Data.SegmentIsUser + (4 * (uint)SegmentIndex.Ds)));
        a.and(eax, Field(MonitorWindow.Data.SegmentIsUser + (4 * (uint)SegmentIndex.Fs)));
        a.and(eax, Field(MonitorWindow.Data.SegmentIsUser + (4 * (uint)SegmentIndex.Gs)));
        a.je(slow);
        EmitLookUp(a, SwitcherLayout.UserEip);
        a.mov(eax, __dword_ptr.ss[edx + 12]);
        a.mov(Field(SwitcherLayout.UserEsp), eax);
        foreach ((uint from, uint to) in new[] { (0u, SwitcherLayout.UserEax), (4u, SwitcherLayout.UserEcx), (8u, SwitcherLayout.UserEdx) })
        {
            a.mov(eax, Field(MonitorWindow.Data.Scratch + from));
            a.mov(Field(to), eax);
        }

        a.mov(eax, Field(SwitcherLayout.LeaveFlags));
        a.mov(Field(SwitcherLayout.UserFlags), eax);
        a.and(eax, FlagBits.If);
        a.Label(ref userCommit);
        a.mov(Field(MonitorWindow.Data.SiteIndex), -1);
        a.mov(Field(MonitorWindow.Data.VirtualIf), eax);
        a.mov(Field(MonitorWindow.Data.Cpl), 3);
        a.mov(eax, Field(SwitcherLayout.UserCs));
        a.mov(Field(MonitorWindow.Data.Selectors + (4 * (uint)SegmentIndex.Cs)), eax);
        a.mov(eax, Field(SwitcherLayout.UserSs));
        a.mov(Field(MonitorWindow.Data.Selectors + (4 * (uint)SegmentIndex.Ss)), eax);
        a.mov(eax, userPkru);
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.wrpkru();
        a.mov(esp, windowBase + SwitcherLayout.UserFlags);
        a.popfd();
        a.mov(esp, Field(SwitcherLayout.UserEsp));
        a.mov(edx, Field(SwitcherLayout.UserEdx));
        a.mov(ecx, Field(SwitcherLayout.UserEcx));
        a.mov(eax, Field(SwitcherLayout.UserEax));
        a.jmp(Field(SwitcherLayout.UserEip));
        a.Label(ref userDone);
        a.nop();

        a.Label(ref slow);
        a.mov(esp, windowBase + SwitcherLayout.StackTop - 4);
        a.popfd();
        a.mov(esp, Field(MonitorWindow.Data.Scratch + 12));
        a.mov(edx, Field(MonitorWindow.Data.Scratch + 8));
        a.mov(ecx, Field(MonitorWindow.Data.Scratch + 4));
        a.mov(eax, Field(MonitorWindow.Data.Scratch));
        a.jmp(MonitorWindow.GateSelector, windowBase + MonitorWindow.GateOffset);
        byte[] code = Assemble(a, windowBase + MonitorWindow.LeaveOffset, out AssemblerResult result);
        places =
        [
            (uint)result.GetLabelRIP(saved), (uint)result.GetLabelRIP(flags), (uint)result.GetLabelRIP(sameCommit), (uint)result.GetLabelRIP(sameDone),
            (uint)result.GetLabelRIP(userCommit), (uint)result.GetLabelRIP(userDone),
        ];
        return code;
    }

    /// <summary>Goes to <paramref name="otherwise"/> unless a descriptor in guest memory is what it was. Clobbers EAX and EDX.</summary>
    private void EmitCompare(Assembler a, uint descriptor, Label otherwise)
    {
        a.mov(edx, Field(descriptor));
        EmitCompareAt(a, edx, descriptor, otherwise);
    }

    private void EmitCompareKeepingEdx(Assembler a, uint descriptor, Label otherwise)
    {
        a.mov(ecx, Field(descriptor));
        EmitCompareAt(a, ecx, descriptor, otherwise);
    }

    private void EmitCompareAt(Assembler a, AssemblerRegister32 address, uint descriptor, Label otherwise)
    {
        a.mov(eax, __dword_ptr.ss[address]);
        a.cmp(eax, Field(descriptor + 4));
        a.jne(otherwise);
        a.mov(eax, __dword_ptr.ss[address + 4]);
        a.cmp(eax, Field(descriptor + 8));
        a.jne(otherwise);
    }

    /// <summary>Stores where to go on for the EIP at [EDX]: that address, or its place in a trampoline. Clobbers EAX and ECX.</summary>
    private void EmitLookUp(Assembler a, uint target)
    {
        Label plain = a.CreateLabel();
        a.mov(eax, __dword_ptr.ss[edx]);
        a.mov(Field(target), eax);
        a.mov(ecx, eax);
        a.and(ecx, SwitcherLayout.ReturnCacheEntries - 1);
        a.shl(ecx, 4);
        a.cmp(eax, __dword_ptr.ss[ecx + (windowBase + SwitcherLayout.ReturnCache)]);
        a.jne(plain);
        a.mov(eax, __dword_ptr.ss[ecx + (windowBase + SwitcherLayout.ReturnCache + 8)]);
        a.cmp(eax, Field(MonitorWindow.Data.Cr3));
        a.jne(plain);
        a.mov(eax, __dword_ptr.ss[ecx + (windowBase + SwitcherLayout.ReturnCache + 4)]);
        a.mov(Field(target), eax);
        a.Label(ref plain);
        a.nop();
    }

    private static byte[] Assemble(Assembler a, uint address, out AssemblerResult result)
    {
        using var stream = new MemoryStream();
        result = a.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return stream.ToArray();
    }
}
