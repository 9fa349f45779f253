// The stub that loads a data-segment register without an exit, when the monitor has seen the very same descriptor before.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

public sealed partial class StubAssembler
{
    /// <summary>MOV DS, ES, FS or GS from a register. The selector finds a slot; the slot knows where the descriptor is seen through the
    /// window and
    /// what it must hold. If it does, the host selector that stands for it is loaded; else the monitor does it all.
    /// ECX, EDX, EBX and ESI are kept in scratch 0 to 3; flags are not touched.
    /// <code>
    ///   movzx ecx, r16 ; movzx edx, byte ss:[ecx+SelectorTable]
    ///   mov ecx, ss:[edx*4+Address]
    ///   mov ebx, ss:[ecx]   ; mov esi, ss:[edx*4+NegatedLow]  ; lea ebx, [ebx+esi]
    ///   mov ecx, ss:[ecx+4] ; mov esi, ss:[edx*4+NegatedHigh] ; lea ecx, [ecx+esi]
    ///   jecxz high ; jmp leave
    /// high:
    ///   mov ecx, ebx ; jecxz same ; jmp leave
    /// same:
    ///   mov sreg, ss:[edx*4+HostSelector]
    ///   mov ecx, ss:[edx*4+GuestSelector] ; mov ss:[Selectors+4*sreg], ecx ; mov ss:[LoadedSlot+4*sreg], edx
    ///   mov ecx, ss:[edx*4+IsUser] ; mov ss:[SegmentIsUser+4*sreg], ecx
    ///   (registers back) ; jmp done
    /// leave:
    ///   (registers back) ; (gate)
    /// done:
    /// </code></summary>
    public void EmitLoadSelector(Register segment, Register source, int siteIndex)
    {
        SaveFour();
        c.movzx(ecx, new AssemblerRegister16(Register.AX + (source.GetFullRegister32() - Register.EAX)));
        EmitLoadFromSlot(segment, 0, siteIndex);
    }

    /// <summary>POP DS, ES, FS or GS with a 32-bit operand: as <see cref="EmitLoadSelector"/>, the selector read from the stack
    /// first.</summary>
    public void EmitPopSelector(Register segment, int siteIndex)
    {
        c.mov(Scratch(0), ecx);
        c.mov(ecx, __dword_ptr[esp]); // may fault, registers intact
        c.mov(Scratch(1), edx);
        c.mov(Scratch(2), ebx);
        c.mov(Scratch(3), esi);
        c.movzx(ecx, cx);
        EmitLoadFromSlot(segment, 4, siteIndex);
    }

    /// <summary>VERW. The selector finds a slot, as in <see cref="EmitLoadSelector"/>; the slot knows the answer while the descriptor is what it
    /// was. It may fault where the operand is read and where the GDT is, before a flag has changed. ECX, EDX and EAX are kept in scratch
    /// 0 to 2, the flags in 3.
    /// <code>
    ///   mov ss:[S0], ecx ; movzx ecx, r/m16 ; mov ss:[S1], edx ; mov ss:[S2], eax
    ///   lahf ; seto al ; mov ss:[S3], eax
    ///   movzx edx, byte ss:[ecx+SelectorTable] ; mov ecx, ss:[edx*4+Address]
    ///   mov eax, ss:[ecx]   ; add eax, ss:[edx*4+NegatedLow]  ; jne leave
    ///   mov eax, ss:[ecx+4] ; add eax, ss:[edx*4+NegatedHigh] ; jne leave
    ///   mov ecx, ss:[edx*4+IsWritable]
    ///   mov eax, ss:[S3] ; and ah, ~40h ; or ah, cl ; add al, 7Fh ; sahf ; (registers back) ; jmp done
    /// leave:
    ///   mov eax, ss:[S3] ; add al, 7Fh ; sahf ; (registers back) ; (gate)
    /// done:
    /// </code></summary>
    public void EmitVerifyForWriting(in Instruction instruction, int siteIndex)
    {
        Label leave = c.CreateLabel(), done = c.CreateLabel();
        c.mov(Scratch(0), ecx);
        bool isFixed = instruction.Op0Kind == OpKind.Memory && instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None
            && instruction.SegmentPrefix is not (Register.FS or Register.GS);
        if (isFixed && MirrorOf(instruction.MemoryDisplacement32) is uint mirror)
            c.movzx(ecx, WindowWord(mirror)); // Linux keeps the word among its code, where it cannot be read without a fault
        else if (instruction.Op0Kind == OpKind.Memory)
            c.AddInstruction(Instruction.Create(Iced.Intel.Code.Movzx_r32_rm16, Register.ECX, Operand(instruction, 0)));
        else
            c.movzx(ecx, new AssemblerRegister16(WordOf(instruction.Op0Register.GetFullRegister32())));
        c.mov(Scratch(1), edx);
        c.mov(Scratch(2), eax);
        c.lahf();
        c.seto(al);
        c.mov(Scratch(3), eax);
        c.movzx(edx, __byte_ptr.ss[ecx + (windowBase + MonitorWindow.SelectorTableOffset)]);
        c.mov(ecx, Slot(MonitorWindow.Slots.Address));
        c.mov(eax, __dword_ptr.ss[ecx]);
        c.add(eax, Slot(MonitorWindow.Slots.NegatedLow));
        c.jne(leave);
        c.mov(eax, __dword_ptr.ss[ecx + 4]);
        c.add(eax, Slot(MonitorWindow.Slots.NegatedHigh));
        c.jne(leave);
        c.mov(ecx, Slot(MonitorWindow.Slots.IsWritable));
        c.mov(eax, Scratch(3));
        c.and(ah, ~0x40 & 0xFF);
        c.or(ah, cl);
        RestoreFlagsAndThree();
        c.jmp(done);
        c.Label(ref leave);
        c.mov(eax, Scratch(3));
        RestoreFlagsAndThree();
        EmitGate(siteIndex);
        c.Label(ref done);
        c.nop(); // what follows may want a label of its own
    }

    private void RestoreFlagsAndThree()
    {
        c.add(al, 0x7F); // 1 + 7Fh overflows, 0 + 7Fh does not: OF as it was
        c.sahf();
        c.mov(eax, Scratch(2));
        c.mov(edx, Scratch(1));
        c.mov(ecx, Scratch(0));
    }

    private void EmitLoadFromSlot(Register segment, int popped, int siteIndex)
    {
        uint field = 4 * (uint)(segment - Register.ES);
        Label high = c.CreateLabel(), same = c.CreateLabel(), leave = c.CreateLabel(), done = c.CreateLabel();
        c.movzx(edx, __byte_ptr.ss[ecx + (windowBase + MonitorWindow.SelectorTableOffset)]);
        c.mov(ecx, Slot(MonitorWindow.Slots.Address));
        c.mov(ebx, __dword_ptr.ss[ecx]);
        c.mov(esi, Slot(MonitorWindow.Slots.NegatedLow));
        c.lea(ebx, __[ebx + esi]);
        c.mov(ecx, __dword_ptr.ss[ecx + 4]);
        c.mov(esi, Slot(MonitorWindow.Slots.NegatedHigh));
        c.lea(ecx, __[ecx + esi]);
        c.jecxz(high);
        c.jmp(leave);
        c.Label(ref high);
        c.mov(ecx, ebx);
        c.jecxz(same);
        c.jmp(leave);
        c.Label(ref same);
        c.mov(new AssemblerRegisterSegment(segment), __word_ptr.ss[(edx * 4) + (windowBase + MonitorWindow.Slots.HostSelector)]);
        c.mov(ecx, Slot(MonitorWindow.Slots.GuestSelector));
        c.mov(Window(MonitorWindow.Data.Selectors + field), ecx);
        c.mov(Window(MonitorWindow.Data.LoadedSlot + field), edx);
        c.mov(ecx, Slot(MonitorWindow.Slots.IsUser));
        c.mov(Window(MonitorWindow.Data.SegmentIsUser + field), ecx);
        RestoreFour();
        if (popped != 0)
            c.lea(esp, __[esp + popped]);
        c.jmp(done);
        c.Label(ref leave);
        RestoreFour();
        EmitGate(siteIndex);
        c.Label(ref done);
        c.nop(); // what follows may want a label of its own
    }

    private AssemblerMemoryOperand Slot(uint field) => __dword_ptr.ss[(edx * 4) + (windowBase + field)];

    private void SaveFour()
    {
        c.mov(Scratch(0), ecx);
        c.mov(Scratch(1), edx);
        c.mov(Scratch(2), ebx);
        c.mov(Scratch(3), esi);
    }

    private void RestoreFour()
    {
        c.mov(esi, Scratch(3));
        c.mov(ebx, Scratch(2));
        c.mov(edx, Scratch(1));
        c.mov(ecx, Scratch(0));
    }
}
