// Stubs that read selectors, control registers, descriptor-table registers and the time-stamp counter out of WindowData.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

public sealed partial class StubAssembler
{
    private static readonly Register[] ScratchRegisters = [Register.EAX, Register.ECX, Register.EDX, Register.EBX];

    /// <summary>Reads a 32-bit field into a register: MOV r32, sreg (zero-extended, SDM vol. 2 MOV); MOV r32, CRn; SMSW, SLDT, STR r32.
    /// <code>
    ///   mov r32, ss:[field]
    /// </code></summary>
    public void EmitReadField32(Register destination, uint field) => c.mov(new AssemblerRegister32(destination), Window(field));

    /// <summary>Reads the low half of a field into a 16-bit register; the upper half of the register stays.
    /// <code>
    ///   mov r16, ss:[field]
    /// </code></summary>
    public void EmitReadField16(Register destination, uint field) => c.mov(new AssemblerRegister16(destination), WindowWord(field));

    /// <summary>PUSH sreg with a 32-bit operand. Processors write two bytes or four, zero-extended (SDM vol. 2, PUSH): the instruction
    /// itself is left
    /// to decide that and to take the fault; then the selector that it stored is replaced. EAX is kept in scratch 0.
    /// <code>
    ///   push sreg
    ///   mov ss:[S0], eax ; mov eax, ss:[field] ; mov [esp], ax ; mov eax, ss:[S0]
    /// </code></summary>
    public void EmitPushSelector32(in Instruction instruction, uint field)
    {
        c.AddInstruction(Instruction.Create(instruction.Code, instruction.Op0Register));
        c.mov(Scratch(0), eax);
        c.mov(eax, Window(field));
        c.mov(__word_ptr[esp], ax);
        c.mov(eax, Scratch(0));
    }

    /// <summary>PUSH sreg with a 16-bit operand.
    /// <code>
    ///   push word ss:[field]
    /// </code></summary>
    public void EmitPushField16(uint field) => c.push(WindowWord(field));

    /// <summary>Stores the low half of a field to a guest word: MOV m16, sreg; SMSW, SLDT, STR m16. A first store of some selector, which
    /// needs no
    /// register, takes the fault if there is one. A register that the address does not use is kept in scratch 0.
    /// <code>
    ///   mov [m], es
    ///   mov ss:[S0], r ; mov r, ss:[field] ; mov [m], r16 ; mov r, ss:[S0]
    /// </code></summary>
    public void EmitStoreField16(in Instruction instruction, uint field)
    {
        Register full = FreeRegister(instruction);
        EmitProbe(Operand(instruction, 0));
        c.mov(Scratch(0), new AssemblerRegister32(full));
        c.mov(new AssemblerRegister32(full), Window(field));
        c.AddInstruction(Instruction.Create(Iced.Intel.Code.Mov_rm16_r16, Operand(instruction, 0), WordOf(full)));
        c.mov(new AssemblerRegister32(full), Scratch(0));
    }

    /// <summary>SGDT, SIDT: stores limit (word) and base (dword). Both ends of the six bytes are probed first; where only the second of
    /// two pages
    /// faults, bytes of the first are lost, as SDM vol. 3 allows a store that spans pages. A register is kept in scratch 0.
    /// <code>
    ///   mov [m+4], es ; mov [m], es
    ///   mov ss:[S0], r ; mov r, ss:[field] ; mov [m], r16 ; mov r, ss:[field+2] ; mov [m+2], r ; mov r, ss:[S0]
    /// </code></summary>
    /// <param name="field">Offset of the limit; the base follows as the instruction stores it.</param>
    public void EmitStoreTableRegister(in Instruction instruction, uint field)
    {
        Register full = FreeRegister(instruction);
        var r = new AssemblerRegister32(full);
        EmitProbe(Operand(instruction, 4));
        EmitProbe(Operand(instruction, 0));
        c.mov(Scratch(0), r);
        c.mov(r, Window(field));
        c.AddInstruction(Instruction.Create(Iced.Intel.Code.Mov_rm16_r16, Operand(instruction, 0), WordOf(full)));
        c.mov(r, Window(field + 2));
        c.AddInstruction(Instruction.Create(Iced.Intel.Code.Mov_rm32_r32, Operand(instruction, 2), full));
        c.mov(r, Scratch(0));
    }

    /// <summary>RDTSC plus TscOffset. It may fault only at RDTSC itself, before anything changed. EAX is kept in scratch 0, the flags in
    /// scratch 1.
    /// <code>
    ///   rdtsc
    ///   mov ss:[S0], eax ; lahf ; seto al ; mov ss:[S1], eax
    ///   mov eax, ss:[S0] ; add eax, ss:[TscOffset] ; adc edx, ss:[TscOffset+4] ; mov ss:[S0], eax
    ///   mov eax, ss:[S1] ; add al, 7Fh ; sahf
    ///   mov eax, ss:[S0]
    /// </code></summary>
    public void EmitRdtsc()
    {
        c.rdtsc();
        c.mov(Scratch(0), eax);
        c.lahf();                           // SF ZF AF PF CF
        c.seto(al);
        c.mov(Scratch(1), eax);
        c.mov(eax, Scratch(0));
        c.add(eax, Window(MonitorWindow.Data.TscOffset));
        c.adc(edx, Window(MonitorWindow.Data.TscOffset + 4));
        c.mov(Scratch(0), eax);
        c.mov(eax, Scratch(1));
        c.add(al, 0x7F);                    // 1 + 7Fh overflows, 0 + 7Fh does not: OF as it was
        c.sahf();
        c.mov(eax, Scratch(0));
    }

    private void EmitProbe(MemoryOperand operand) =>
        c.AddInstruction(Instruction.Create(Iced.Intel.Code.Mov_rm16_Sreg, operand, Register.ES));

    // The instruction's own memory operand, segment override included, moved up by some bytes.
    internal static MemoryOperand Operand(in Instruction instruction, uint offset)
    {
        bool isWord = OperandText.HasWordAddress(instruction);
        uint displacement = instruction.MemoryDisplacement32 + offset;
        int size = offset == 0 ? instruction.MemoryDisplSize : isWord ? 2 : 4;
        return new MemoryOperand(instruction.MemoryBase, instruction.MemoryIndex, instruction.MemoryIndexScale,
            isWord && offset != 0 ? displacement & 0xFFFF : displacement, size, false, instruction.SegmentPrefix);
    }

    private static Register FreeRegister(in Instruction instruction)
    {
        foreach (Register register in ScratchRegisters)
        {
            if (instruction.MemoryBase.GetFullRegister32() != register && instruction.MemoryIndex.GetFullRegister32() != register)
                return register;
        }

        throw new InvalidOperationException("an address uses at most two registers");
    }

    private static Register WordOf(Register full) => Register.AX + (full - Register.EAX);
}
