// x87 control: initialization, control and status words, environment and state images (SDM vol. 1, 8.1.8 to 8.1.11, 10.5).
using System.Buffers.Binary;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterX87Control()
    {
        _handlers.On(Mnemonic.Fninit, _ => AllowsX87() && InitializeX87());
        _handlers.On(Mnemonic.Fnclex, _ => AllowsX87() && ClearX87Exceptions());
        _handlers.On(Mnemonic.Wait, _ => Wait());
        _handlers.On(Mnemonic.Fnop, BeginX87);
        _handlers.On(Mnemonic.Feni, _ => AllowsX87());
        _handlers.On(Mnemonic.Fneni, _ => AllowsX87());
        _handlers.On(Mnemonic.Fndisi, _ => AllowsX87());
        _handlers.On(Mnemonic.Fnsetpm, _ => AllowsX87());
        _handlers.On(Mnemonic.Fldcw, LoadControlWord);
        _handlers.On(Mnemonic.Fnstcw, d => AllowsX87() && TryWrite(d.Segment, EffectiveAddress(d), 2, FpuControl));
        _handlers.On(Mnemonic.Fnstsw, StoreStatusWord);
        _handlers.On(Mnemonic.Fincstp, d => BeginX87(d) && MoveTop(1));
        _handlers.On(Mnemonic.Fdecstp, d => BeginX87(d) && MoveTop(-1));
        _handlers.On(Mnemonic.Ffree, FreeX87);
        _handlers.On(Mnemonic.Ffreep, d =>
        {
            if (!FreeX87(d))
            {
                return false;
            }

            PopX87();
            return true;
        });
        _handlers.On(Mnemonic.Fnstenv, StoreEnvironment);
        _handlers.On(Mnemonic.Fldenv, LoadEnvironment);
        _handlers.On(Mnemonic.Fnsave, SaveX87);
        _handlers.On(Mnemonic.Frstor, RestoreX87);
        if (_model.Has(CpuFeatures.Fxsr))
        {
            _handlers.On(Mnemonic.Fxsave, FastSave);
            _handlers.On(Mnemonic.Fxrstor, FastRestore);
        }
    }

    /// <summary>Power-up values, unless whoever made the state has set some.</summary>
    private void PowerUpX87()
    {
        if (FpuControl == 0 && Mxcsr == 0)
        {
            InitializeX87();
            Mxcsr = 0x1F80;
        }
    }

    private bool InitializeX87()
    {
        // TOP becomes 0: bring the slots back to physical order.
        TurnToPhysicalOrder();
        FpuControl = 0x37F;
        FpuStatus = 0;
        FpuTags = 0;
        FxField<ushort>(FxOpcode) = 0;
        FxField<ulong>(FxIp) = 0;
        FxField<ulong>(FxDp) = 0;
        return true;
    }

    private void TurnToPhysicalOrder()
    {
        while (FpuTop != 0)
        {
            TurnStack(1);
        }
    }

    private bool ClearX87Exceptions()
    {
        FpuStatus = (ushort)(FpuStatus & 0x7F00);
        return true;
    }

    /// <summary>WAIT: #NM only when both MP and TS are set (SDM vol. 3, table 2-2).</summary>
    private bool Wait()
    {
        const uint both = ControlRegisters.Cr0Mp | ControlRegisters.Cr0Ts;
        return (_state.Cr0 & both) == both ? RecordFault(ExceptionVector.DeviceNotAvailable) : !IsX87ErrorPending();
    }

    private bool LoadControlWord(DecodedInstruction d)
    {
        if (!AllowsX87() || IsX87ErrorPending() || !TryRead(d.Segment, EffectiveAddress(d), 2, out uint value))
        {
            return false;
        }

        SetControlWord((ushort)value);
        return true;
    }

    private void SetControlWord(ushort value)
    {
        FpuControl = (ushort)(value & 0x1F3F | 0x40);
        UpdateSummary();
    }

    private bool StoreStatusWord(DecodedInstruction d)
    {
        if (!AllowsX87())
        {
            return false;
        }

        if (d.Op0.IsMemory)
        {
            return TryWrite(d.Segment, EffectiveAddress(d), 2, FpuStatus);
        }

        WriteRegister(VcpuState.Eax, 2, FpuStatus);
        return true;
    }

    private bool MoveTop(int by)
    {
        TurnStack(by);
        FpuStatus &= unchecked((ushort)~StatusC1);
        return true;
    }

    private bool FreeX87(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        SetTag(d.Op0.Index, false);
        return true;
    }

    /// <summary>The two-bit tags that the environment image wants, from the one-bit tags and the registers (SDM vol. 1, 8.1.7).</summary>
    private ushort FullTagWord()
    {
        int word = 0;
        for (int physical = 0; physical < 8; physical++)
        {
            int tag = 3;
            if ((FpuTags >> physical & 1) != 0)
            {
                SoftNumber number = SoftNumber.FromExtended(GetStack(physical - FpuTop & 7));
                tag = number.Kind switch { FloatKind.Zero => 1, FloatKind.Finite when !number.WasDenormal => 0, _ => 2 };
            }

            word |= tag << 2 * physical;
        }

        return (ushort)word;
    }

    private static byte ShortTags(ushort word)
    {
        int tags = 0;
        for (int i = 0; i < 8; i++)
        {
            tags |= (word >> 2 * i & 3) != 3 ? 1 << i : 0;
        }

        return (byte)tags;
    }

    /// <summary>The 14- or 28-byte environment (SDM vol. 1, figures 8-9 to 8-12).</summary>
    private int WriteEnvironment(DecodedInstruction d, Span<byte> image)
    {
        uint ip = FxField<uint>(FxIp), dp = FxField<uint>(FxDp);
        ushort cs = FxField<ushort>(FxCs), ds = FxField<ushort>(FxDs), opcode = FxField<ushort>(FxOpcode);
        ReadOnlySpan<uint> words = d.IsOperand32
            ? _protected
                ? [FpuControl | 0xFFFF_0000, FpuStatus | 0xFFFF_0000, FullTagWord() | 0xFFFF_0000, ip, cs | (uint)opcode << 16, dp, ds | 0xFFFF_0000]
                : [FpuControl | 0xFFFF_0000, FpuStatus | 0xFFFF_0000, FullTagWord() | 0xFFFF_0000, (uint)(cs << 4) + ip & 0xFFFF | 0xFFFF_0000,
                    opcode & 0x7FFu | ((uint)(cs << 4) + ip >> 16) << 12, (uint)(ds << 4) + dp & 0xFFFF | 0xFFFF_0000, ((uint)(ds << 4) + dp >> 16) << 12]
            : _protected
                ? [FpuControl, FpuStatus, FullTagWord(), ip, cs, dp, ds]
                : [FpuControl, FpuStatus, FullTagWord(), (uint)(cs << 4) + ip, opcode & 0x7FFu | ((uint)(cs << 4) + ip >> 16) << 12,
                    (uint)(ds << 4) + dp, ((uint)(ds << 4) + dp >> 16) << 12];
        int size = d.OperandSize;
        for (int i = 0; i < 7; i++)
        {
            if (size == 4)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(image[(4 * i)..], words[i]);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(image[(2 * i)..], (ushort)words[i]);
            }
        }

        return size * 7;
    }

    private void ReadEnvironment(DecodedInstruction d, ReadOnlySpan<byte> image)
    {
        Span<uint> words = stackalloc uint[7];
        for (int i = 0; i < 7; i++)
        {
            words[i] = d.IsOperand32 ? BinaryPrimitives.ReadUInt32LittleEndian(image[(4 * i)..]) : BinaryPrimitives.ReadUInt16LittleEndian(image[(2 * i)..]);
        }

        SetTop((int)(words[1] >> 11 & 7));
        FpuStatus = (ushort)words[1];
        FpuTags = ShortTags((ushort)words[2]);
        FxField<uint>(FxIp) = words[3];
        FxField<ushort>(FxCs) = (ushort)words[4];
        FxField<ushort>(FxOpcode) = (ushort)(words[4] >> 16 & 0x7FF);
        FxField<uint>(FxDp) = words[5];
        FxField<ushort>(FxDs) = (ushort)words[6];
        SetControlWord((ushort)words[0]);
    }

    /// <summary>Moves TOP without moving the physical registers.</summary>
    private void SetTop(int top)
    {
        while (FpuTop != top)
        {
            TurnStack(1);
        }
    }

    private bool StoreEnvironment(DecodedInstruction d)
    {
        if (!AllowsX87())
        {
            return false;
        }

        Span<byte> image = stackalloc byte[28];
        int length = WriteEnvironment(d, image);
        if (!TryWriteBytes(d.Segment, EffectiveAddress(d), image[..length]))
        {
            return false;
        }

        FpuControl |= 0x3F;
        UpdateSummary();
        return true;
    }

    private bool LoadEnvironment(DecodedInstruction d)
    {
        Span<byte> image = stackalloc byte[28];
        image = image[..(d.OperandSize * 7)];
        if (!AllowsX87() || IsX87ErrorPending() || !TryReadBytes(d.Segment, EffectiveAddress(d), image))
        {
            return false;
        }

        ReadEnvironment(d, image);
        return true;
    }

    private bool SaveX87(DecodedInstruction d)
    {
        if (!AllowsX87())
        {
            return false;
        }

        Span<byte> image = stackalloc byte[108];
        int length = WriteEnvironment(d, image);
        for (int i = 0; i < 8; i++)
        {
            _state.Fx.AsSpan(FxRegisters + 16 * i, 10).CopyTo(image[(length + 10 * i)..]);
        }

        return TryWriteBytes(d.Segment, EffectiveAddress(d), image[..(length + 80)]) && InitializeX87();
    }

    private bool RestoreX87(DecodedInstruction d)
    {
        Span<byte> image = stackalloc byte[108];
        int length = d.OperandSize * 7;
        image = image[..(length + 80)];
        if (!AllowsX87() || IsX87ErrorPending() || !TryReadBytes(d.Segment, EffectiveAddress(d), image))
        {
            return false;
        }

        ReadEnvironment(d, image);
        for (int i = 0; i < 8; i++)
        {
            Span<byte> slot = _state.Fx.AsSpan(FxRegisters + 16 * i, 16);
            slot.Clear();
            image.Slice(length + 10 * i, 10).CopyTo(slot);
        }

        return true;
    }

    /// <summary>Bits of MXCSR that can be set, as FXSAVE tells the guest (SDM vol. 1, 11.6.6). An engine that executes FXSAVE natively gives the
    /// host's here.</summary>
    public uint MxcsrMask { get; set; } = 0xFFFF;

    private bool IsAligned16(DecodedInstruction d)
        => (Segment(d.Segment).Base + EffectiveAddress(d) & 15) == 0 || GeneralProtection();

    private bool FastSave(DecodedInstruction d)
    {
        if (!AllowsX87() || !IsAligned16(d))
        {
            return false;
        }

        Span<byte> image = stackalloc byte[288];
        _state.Fx.AsSpan(0, 288).CopyTo(image);
        BinaryPrimitives.WriteUInt32LittleEndian(image[28..], MxcsrMask);
        return TryWriteBytes(d.Segment, EffectiveAddress(d), image);
    }

    private bool FastRestore(DecodedInstruction d)
    {
        Span<byte> image = stackalloc byte[288];
        if (!AllowsX87() || !IsAligned16(d) || !TryReadBytes(d.Segment, EffectiveAddress(d), image))
        {
            return false;
        }

        if ((BinaryPrimitives.ReadUInt32LittleEndian(image[24..]) & ~MxcsrMask) != 0)
        {
            return GeneralProtection();
        }

        image.CopyTo(_state.Fx);
        SetControlWord(FpuControl);
        return true;
    }
}
