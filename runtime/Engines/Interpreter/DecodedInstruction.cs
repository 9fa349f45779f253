// One instruction, decoded once by Iced and kept: everything a handler needs, in the shape it needs it.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

/// <summary>Executes one instruction. False: it did not complete normally; a fault or an exit is recorded in the Cpu.</summary>
internal delegate bool Handler(DecodedInstruction d);

internal enum OperandKind : byte
{
    None,
    Register32,
    Register16,
    Register8,
    Immediate,
    Memory,
    Segment,
    Control,
    Debug,
    Mmx,
    Xmm,
    Stack87,
}

/// <param name="Kind">Which file of registers, or memory, or the immediate.</param>
/// <param name="Index">Register number.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct Operand(OperandKind Kind, byte Index, byte Size)
{
    public bool IsMemory => Kind == OperandKind.Memory;
}

internal enum AddressForm : byte
{
    Displacement,
    Base,
    BaseIndex,
    Index,
}

internal sealed class DecodedInstruction
{
    public required Handler Execute;
    public Vector128<byte> Bytes;
    public Vector128<byte> Mask;

    /// <summary>Where it was fetched: guest-physical, or <see cref="Cpu.OverlayKey"/> | linear. Bit 63: 16-bit code.</summary>
    public ulong Key;

    public Code Code;
    public Mnemonic Mnemonic;
    public byte Length;
    public Operand Op0;
    public Operand Op1;
    public Operand Op2;
    public uint Immediate;

    /// <summary>Selector of a direct far branch, second immediate of ENTER.</summary>
    public ushort Immediate2;

    public SegmentIndex Segment;
    public AddressForm Form;
    public byte Base;
    public byte Index;
    public byte Scale;
    public uint Displacement;
    public uint AddressMask;
    public byte Condition;

    /// <summary>Effective operand size in bytes, 2 or 4.</summary>
    public byte OperandSize;
    public bool Lock;
    public bool Repeat;
    public bool RepeatNot;

    public bool IsOperand32 => OperandSize == 4;
}
