// What a host-side shim may touch: the state of the virtual CPU that left by the gate, and nothing else. Implemented by the runtime.
namespace Runtime.Abi.Shims;

/// <summary>
/// The virtual CPU as a shim sees it. A shim performs one guest instruction: registers and flags are those before it; the runtime
/// moves EIP behind it afterwards, unless a member says that it transfers control.
/// <para>A member that meets a guest fault (a page that is not present, a privilege that is missing) notes the exception; every later
/// call of the same shim then does nothing and reads give 0, and the exception is delivered with the state before the instruction.
/// A shim therefore changes registers last, and needs no error handling.</para>
/// </summary>
public interface IShimContext
{
    uint Eax { get; set; }
    uint Ecx { get; set; }
    uint Edx { get; set; }
    uint Ebx { get; set; }
    uint Esp { get; set; }
    uint Ebp { get; set; }
    uint Esi { get; set; }
    uint Edi { get; set; }

    /// <summary>Address of the instruction. Setting it transfers control.</summary>
    uint Eip { get; set; }

    /// <summary>The guest's flags, with its own IF and IOPL. Setting it delivers what was waiting for IF.</summary>
    uint Eflags { get; set; }

    ushort Ax { get => (ushort)Eax; set => Eax = Eax & 0xFFFF_0000 | value; }
    ushort Cx { get => (ushort)Ecx; set => Ecx = Ecx & 0xFFFF_0000 | value; }
    ushort Dx { get => (ushort)Edx; set => Edx = Edx & 0xFFFF_0000 | value; }
    ushort Bx { get => (ushort)Ebx; set => Ebx = Ebx & 0xFFFF_0000 | value; }
    ushort Sp { get => (ushort)Esp; set => Esp = Esp & 0xFFFF_0000 | value; }
    ushort Bp { get => (ushort)Ebp; set => Ebp = Ebp & 0xFFFF_0000 | value; }
    ushort Si { get => (ushort)Esi; set => Esi = Esi & 0xFFFF_0000 | value; }
    ushort Di { get => (ushort)Edi; set => Edi = Edi & 0xFFFF_0000 | value; }
    byte Al { get => (byte)Eax; set => Eax = Eax & 0xFFFF_FF00 | value; }

    /// <summary>Reads guest memory, little-endian, zero-extended.</summary>
    /// <param name="segment">The segment that the instruction uses, overrides included.</param>
    /// <param name="offset">Effective address.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    uint ReadMemory(SegmentName segment, uint offset, int size);

    /// <summary>Writes the low <paramref name="size"/> bytes of a value to guest memory.</summary>
    void WriteMemory(SegmentName segment, uint offset, int size, uint value);

    /// <summary>Pushes 2 or 4 bytes.</summary>
    void Push(int size, uint value);

    /// <summary>IN: reads a port; the caller stores the result.</summary>
    uint In(ushort port, int size);

    /// <summary>OUT.</summary>
    void Out(ushort port, int size, uint value);

    /// <summary>MOV from CR0, CR2, CR3 or CR4.</summary>
    uint ReadControlRegister(int number);

    /// <summary>MOV to a control register, with all that follows from it: another address space, another paging mode.</summary>
    void WriteControlRegister(int number, uint value);

    uint ReadDebugRegister(int number);
    void WriteDebugRegister(int number, uint value);

    /// <summary>SMSW: all of CR0, at any privilege.</summary>
    uint ReadMachineStatus();

    /// <summary>LMSW: the low four bits of CR0; PE can be set but not cleared (SDM vol. 2, LMSW).</summary>
    void LoadMachineStatusWord(ushort value);

    /// <summary>CLTS.</summary>
    void ClearTaskSwitched();

    /// <summary>The visible selector of a segment register.</summary>
    ushort ReadSegment(SegmentName segment);

    /// <summary>Loads a data or stack segment register from the guest's descriptor tables; loading SS holds off events for one
    /// instruction.</summary>
    void LoadSegment(SegmentName segment, ushort selector);

    /// <summary>PUSH sreg with an operand of 2 or 4 bytes.</summary>
    void PushSegment(SegmentName segment, int size);

    /// <summary>POP sreg with an operand of 2 or 4 bytes.</summary>
    void PopSegment(SegmentName segment, int size);

    /// <summary>LGDT, LIDT: read limit and base from guest memory. With a 16-bit operand the base has 24 bits.</summary>
    void LoadGdtr(SegmentName segment, uint offset, int operandSize);
    void LoadIdtr(SegmentName segment, uint offset, int operandSize);

    /// <summary>SGDT, SIDT: store limit and base.</summary>
    void StoreGdtr(SegmentName segment, uint offset);
    void StoreIdtr(SegmentName segment, uint offset);

    /// <summary>LLDT, LTR, and the selectors that SLDT and STR show.</summary>
    void LoadLdtr(ushort selector);
    void LoadTaskRegister(ushort selector);
    ushort ReadLdtr();
    ushort ReadTaskRegister();

    /// <summary>VERR, VERW: set ZF.</summary>
    void VerifyForReading(ushort selector);
    void VerifyForWriting(ushort selector);

    /// <summary>RDMSR, WRMSR: index in ECX, value in EDX:EAX.</summary>
    void ReadMsr();
    void WriteMsr();

    /// <summary>RDTSC, RDTSCP: the guest's time-stamp counter to EDX:EAX; RDTSCP also TSC_AUX to ECX.</summary>
    void ReadTimeStamp();
    void ReadTimeStampAndProcessor();

    /// <summary>CPUID: leaf EAX, subleaf ECX, to EAX EBX ECX EDX.</summary>
    void Cpuid();

    /// <summary>INVLPG of a linear address given as segment and offset.</summary>
    void InvalidatePage(SegmentName segment, uint offset);

    /// <summary>WBINVD, INVD: no effect on a machine whose caches are coherent.</summary>
    void FlushCaches();

    /// <summary>CLI, STI. STI holds off events for one instruction.</summary>
    void ClearInterruptFlag();
    void SetInterruptFlag();

    /// <summary>PUSHF, POPF with an operand of 2 or 4 bytes, at the guest's privilege.</summary>
    void PushFlags(int size);
    void PopFlags(int size);

    /// <summary>HLT: waits for an event; EIP is behind the instruction when it arrives.</summary>
    void Halt();

    /// <summary>IRET with an operand of 2 or 4 bytes. Transfers control.</summary>
    void ReturnFromInterrupt(int size);

    /// <summary>INT n. Transfers control through the guest's IDT; the return address is behind the instruction.</summary>
    void SoftwareInterrupt(byte vector);

    /// <summary>A Xen hypercall (public/xen.h) of the guest's kernel; what is a pointer there is a linear address. One that waits (SCHEDOP_poll,
    /// SCHEDOP_block) ends the shim: whatever it still asks for has no effect, reads give 0, and when the wait is over the shim runs again from its
    /// beginning. So a shim that waits keeps in guest memory how far it has come.</summary>
    /// <returns>What EAX would hold; -38 (ENOSYS) on a machine without Xen.</returns>
    uint Hypercall(uint number, uint first, uint second = 0, uint third = 0);

    /// <summary>The interpreter performs the original instruction at EIP: for what has no member here.</summary>
    void Emulate();

    /// <summary>An argument of the function that a shim replaces, as cdecl passes it: a dword above the return address.</summary>
    /// <param name="index">From 0.</param>
    uint Argument(int index) => ReadMemory(SegmentName.Ss, Esp + 4 + 4 * (uint)index, 4);

    /// <summary>RET: back to the caller of the function that a shim replaces. Transfers control.</summary>
    void Return()
    {
        uint caller = ReadMemory(SegmentName.Ss, Esp, 4);
        Esp += 4;
        Eip = caller;
    }
}
