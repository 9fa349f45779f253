// From bytes to DecodedInstruction. All knowledge of encodings is Iced's; this file only reshapes what it says.
using System.Runtime.Intrinsics;
using Iced.Intel;
using Rewriter.Scanning;

namespace Runtime.Engines.Interpreter;

/// <summary>Decodes with Iced and binds the handler.</summary>
internal sealed class InstructionDecoder
{
    public enum Outcome
    {
        Decoded,

        /// <summary>No such instruction: #UD.</summary>
        Undefined,

        /// <summary>The bytes end before the instruction does.</summary>
        MoreBytes,
    }

    private readonly ByteArrayCodeReader _reader;
    private readonly byte[] _buffer = new byte[16];
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly HandlerTable _handlers;

    /// <summary>Called before each sensitive instruction is executed, of those decoded from now on.</summary>
    public Action? SensitiveMet { get; set; }

    public InstructionDecoder(HandlerTable handlers)
    {
        _handlers = handlers;
        _reader = new ByteArrayCodeReader(_buffer);
        _decoder16 = Decoder.Create(16, _reader, 0, DecoderOptions.None);
        _decoder32 = Decoder.Create(32, _reader, 0, DecoderOptions.None);
    }

    /// <param name="bytes">What can be fetched, at most 15 bytes.</param>
    /// <param name="code32">CS.D.</param>
    /// <param name="decoded">Set when the outcome is <see cref="Outcome.Decoded"/>.</param>
    public Outcome Decode(ReadOnlySpan<byte> bytes, bool code32, out DecodedInstruction? decoded)
    {
        decoded = null;
        _buffer.AsSpan().Clear();
        bytes.CopyTo(_buffer);
        _reader.Position = 0;
        Decoder decoder = code32 ? _decoder32 : _decoder16;
        decoder.IP = 0;
        decoder.Decode(out Instruction instruction);
        // Iced stops at 15 bytes by itself and calls the rest invalid.
        bool tooLong = instruction.IsInvalid && instruction.Length >= 15;
        if (instruction.Length > bytes.Length || tooLong || decoder.LastError == DecoderError.NoMoreBytes)
        {
            return Outcome.MoreBytes;
        }

        if (instruction.Code == Code.Ud2 && code32 && EmulatePrefix.TryDecode(bytes, 0, out Instruction prefixed))
        {
            instruction = prefixed;
        }

        if (instruction.IsInvalid || _handlers.Find(instruction) is not { } handler)
        {
            return Outcome.Undefined;
        }

        decoded = Shape(instruction, handler, code32);
        Span<byte> mask = stackalloc byte[16];
        mask[..instruction.Length].Fill(0xFF);
        decoded.Mask = Vector128.Create<byte>(mask);
        decoded.Bytes = Vector128.Create(_buffer) & decoded.Mask;
        decoded.Execute = _handlers.Specialize(decoded);
        if (SensitiveMet is { } tell && SensitivityTable.TryClassify(instruction, out _))
        {
            Handler execute = decoded.Execute;
            decoded.Execute = d =>
            {
                tell();
                return execute(d);
            };
        }

        return Outcome.Decoded;
    }

    private static DecodedInstruction Shape(in Instruction i, Handler handler, bool code32)
    {
        OpCodeInfo info = i.OpCode;
        bool operand32 = info.OperandSize switch { 16 => false, 32 => true, _ => code32 };
        bool address32 = info.AddressSize switch { 16 => false, 32 => true, _ => code32 };
        var d = new DecodedInstruction
        {
            Execute = handler,
            Code = i.Code,
            Mnemonic = i.Mnemonic,
            Length = (byte)i.Length,
            OperandSize = (byte)(operand32 ? 4 : 2),
            AddressMask = address32 ? uint.MaxValue : 0xFFFF,
            Condition = i.ConditionCode == ConditionCode.None ? (byte)0 : (byte)(i.ConditionCode - 1),
            Lock = i.HasLockPrefix,
            Repeat = i.HasRepPrefix,
            RepeatNot = i.HasRepnePrefix,
            Segment = SegmentIndex.Ds,
        };

        d.Op0 = ShapeOperand(i, 0, d);
        d.Op1 = ShapeOperand(i, 1, d);
        d.Op2 = ShapeOperand(i, 2, d);
        if (d.Op0.Kind == OperandKind.Immediate && d.Op1.Kind == OperandKind.Immediate)
        {
            d.Immediate = (uint)i.GetImmediate(0);
            d.Immediate2 = (ushort)i.GetImmediate(1);
        }

        return d;
    }

    private static Operand ShapeOperand(in Instruction i, int index, DecodedInstruction d)
    {
        if (index >= i.OpCount)
        {
            return default;
        }

        OpKind kind = i.GetOpKind(index);
        switch (kind)
        {
            case OpKind.Register:
                return ShapeRegister(i.GetOpRegister(index));

            case OpKind.NearBranch16:
                d.Immediate = (uint)(short)(i.NearBranch16 - i.Length);
                return new Operand(OperandKind.Immediate, 0, 2);

            case OpKind.NearBranch32:
                d.Immediate = i.NearBranch32 - (uint)i.Length;
                return new Operand(OperandKind.Immediate, 0, 4);

            case OpKind.FarBranch16 or OpKind.FarBranch32:
                d.Immediate = kind == OpKind.FarBranch16 ? i.FarBranch16 : i.FarBranch32;
                d.Immediate2 = i.FarBranchSelector;
                d.OperandSize = (byte)(kind == OpKind.FarBranch16 ? 2 : 4);
                return new Operand(OperandKind.Immediate, 0, d.OperandSize);

            case OpKind.Memory:
                ShapeMemory(i, d);
                return new Operand(OperandKind.Memory, 0, (byte)Math.Min(i.MemorySize.GetSize(), 255));

            case OpKind.MemorySegSI or OpKind.MemorySegESI or OpKind.MemorySegDI or OpKind.MemorySegEDI:
                d.Segment = ShapeSegment(i.MemorySegment);
                d.AddressMask = kind is OpKind.MemorySegSI or OpKind.MemorySegDI ? 0xFFFF : uint.MaxValue;
                return new Operand(OperandKind.Memory, 0, (byte)i.MemorySize.GetSize());

            case OpKind.MemoryESDI or OpKind.MemoryESEDI:
                d.AddressMask = kind == OpKind.MemoryESDI ? 0xFFFF : uint.MaxValue;
                return new Operand(OperandKind.Memory, 0, (byte)i.MemorySize.GetSize());

            default:
                d.Immediate = (uint)i.GetImmediate(index);
                return new Operand(OperandKind.Immediate, 0, 4);
        }
    }

    private static void ShapeMemory(in Instruction i, DecodedInstruction d)
    {
        bool hasBase = i.MemoryBase != Register.None;
        bool hasIndex = i.MemoryIndex != Register.None && i.MemoryIndex != Register.AL;
        d.Segment = ShapeSegment(i.MemorySegment);
        d.Form = (hasBase, hasIndex) switch
        {
            (true, true) => AddressForm.BaseIndex,
            (true, false) => AddressForm.Base,
            (false, true) => AddressForm.Index,
            _ => AddressForm.Displacement,
        };
        d.Base = hasBase ? (byte)i.MemoryBase.GetNumber() : (byte)0;
        d.Index = hasIndex ? (byte)i.MemoryIndex.GetNumber() : (byte)0;
        d.Scale = (byte)System.Numerics.BitOperations.Log2((uint)i.MemoryIndexScale);
        d.Displacement = i.MemoryDisplacement32;
        bool address16 = hasBase ? i.MemoryBase.IsGPR16() : hasIndex ? i.MemoryIndex.IsGPR16() : i.MemoryDisplSize == 2;
        d.AddressMask = address16 ? 0xFFFF : uint.MaxValue;
    }

    private static SegmentIndex ShapeSegment(Register register) => (SegmentIndex)(register - Register.ES);

    private static Operand ShapeRegister(Register register) => register switch
    {
        >= Register.AL and <= Register.BH => new Operand(OperandKind.Register8, (byte)(register - Register.AL), 1),
        >= Register.AX and <= Register.DI => new Operand(OperandKind.Register16, (byte)(register - Register.AX), 2),
        >= Register.EAX and <= Register.EDI => new Operand(OperandKind.Register32, (byte)(register - Register.EAX), 4),
        >= Register.ES and <= Register.GS => new Operand(OperandKind.Segment, (byte)(register - Register.ES), 2),
        >= Register.CR0 and <= Register.CR15 => new Operand(OperandKind.Control, (byte)(register - Register.CR0), 4),
        >= Register.DR0 and <= Register.DR15 => new Operand(OperandKind.Debug, (byte)(register - Register.DR0), 4),
        >= Register.MM0 and <= Register.MM7 => new Operand(OperandKind.Mmx, (byte)(register - Register.MM0), 8),
        >= Register.XMM0 and <= Register.XMM7 => new Operand(OperandKind.Xmm, (byte)(register - Register.XMM0), 16),
        >= Register.ST0 and <= Register.ST7 => new Operand(OperandKind.Stack87, (byte)(register - Register.ST0), 10),
        _ => default,
    };
}
