// The x87 register stack, on the FXSAVE image in VcpuState.Fx (SDM vol. 1, 8.1 and table 10-2): ST(i) is slot i, so that a push or
// pop turns the eight slots; the tag bits are per physical register.
using System.Buffers.Binary;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const int FxStatus = 2, FxTag = 4, FxOpcode = 6, FxIp = 8, FxCs = 12, FxDp = 16, FxDs = 20, FxMxcsr = 24, FxRegisters = 32, FxXmm = 160;
    private const ushort StatusStackFault = 1 << 6, StatusSummary = 1 << 7, StatusC0 = 1 << 8, StatusC1 = 1 << 9, StatusC2 = 1 << 10;
    private const uint FoundBefore = FloatFlags.Invalid | FloatFlags.Denormal | FloatFlags.ZeroDivide;
    private const ushort StatusC3 = 1 << 14, StatusBusy = 1 << 15;

    private ref ushort FpuControl => ref FxField<ushort>(0);

    private ref ushort FpuStatus => ref FxField<ushort>(FxStatus);

    private ref byte FpuTags => ref _state.Fx[FxTag];

    private ref uint Mxcsr => ref FxField<uint>(FxMxcsr);

    private int FpuTop => FpuStatus >> 11 & 7;

    private ref T FxField<T>(int offset)
        where T : struct
        => ref System.Runtime.InteropServices.MemoryMarshal.AsRef<T>(_state.Fx.AsSpan(offset));

    /// <summary>The checks every waiting x87 instruction makes first: #NM, then a pending #MF.</summary>
    private bool BeginX87(DecodedInstruction d)
    {
        if (!AllowsX87() || IsX87ErrorPending())
        {
            return false;
        }

        FxField<uint>(FxIp) = _state.Eip;
        FxField<ushort>(FxCs) = Segment(SegmentIndex.Cs).Selector;
        if (d.Op0.IsMemory || d.Op1.IsMemory)
        {
            FxField<uint>(FxDp) = EffectiveAddress(d);
            FxField<ushort>(FxDs) = Segment(d.Segment).Selector;
        }

        return true;
    }

    private bool AllowsX87()
        => (_state.Cr0 & (ControlRegisters.Cr0Em | ControlRegisters.Cr0Ts)) == 0 || RecordFault(ExceptionVector.DeviceNotAvailable);

    /// <summary>SDM vol. 3, 2.5, CR0.NE: with NE clear the error goes to an interrupt line that this processor does not have.</summary>
    private bool IsX87ErrorPending()
    {
        if ((FpuStatus & StatusSummary) == 0 || (_state.Cr0 & ControlRegisters.Cr0Ne) == 0)
        {
            return false;
        }

        RecordFault(ExceptionVector.FloatingPoint);
        return true;
    }

    private FloatEnvironment X87Environment(bool precisionControl = true)
    {
        int control = FpuControl;
        int precision = !precisionControl ? 64 : (control >> 8 & 3) switch { 0 => 24, 2 => 53, _ => 64 };
        return new FloatEnvironment
        {
            Rounding = (Rounding)(control >> 10 & 3),
            Format = FloatFormat.Extended with { Precision = precision },
            IsX87 = true,
        };
    }

    /// <summary>Records flags. False: an unmasked one of those that are found before the operation; nothing is to be stored.</summary>
    private bool CommitX87(uint flags, bool roundedUp = false)
    {
        uint unmasked = flags & ~(uint)FpuControl & FloatFlags.All;
        if ((unmasked & FoundBefore) != 0)
        {
            // SDM vol. 1, 4.9.2: these come before the operation, which then is not done and raises nothing more.
            flags &= FoundBefore;
        }

        FpuStatus = (ushort)(FpuStatus & ~(uint)StatusC1 | flags & 0x3F | (roundedUp ? StatusC1 : 0u));
        UpdateSummary();
        return (unmasked & FoundBefore) == 0;
    }

    private bool CommitX87(in FloatEnvironment e)
        => CommitX87(e.Flags, e.RoundedUp && (e.Flags & ~(uint)FpuControl & FoundBefore) == 0);

    private void UpdateSummary()
    {
        bool pending = (FpuStatus & ~FpuControl & 0x3F) != 0;
        FpuStatus = (ushort)(pending ? FpuStatus | StatusSummary | StatusBusy : FpuStatus & ~(StatusSummary | StatusBusy));
    }

    private bool IsEmpty(int i) => (FpuTags >> (FpuTop + i & 7) & 1) == 0;

    private void SetTag(int i, bool valid)
    {
        int bit = 1 << (FpuTop + i & 7);
        FpuTags = (byte)(valid ? FpuTags | bit : FpuTags & ~bit);
    }

    private Float80 GetStack(int i)
    {
        ReadOnlySpan<byte> slot = _state.Fx.AsSpan(FxRegisters + 16 * i, 10);
        return new Float80(BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]), BinaryPrimitives.ReadUInt64LittleEndian(slot));
    }

    private void SetStack(int i, Float80 value)
    {
        Span<byte> slot = _state.Fx.AsSpan(FxRegisters + 16 * i, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(slot, value.Significand);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], value.SignExponent);
        SetTag(i, true);
    }

    /// <summary>Turns the slots and moves TOP: -1 before a push, +1 for a pop.</summary>
    private void TurnStack(int by)
    {
        Span<byte> slots = _state.Fx.AsSpan(FxRegisters, 128);
        Span<byte> kept = stackalloc byte[16];
        if (by < 0)
        {
            slots[112..].CopyTo(kept);
            slots[..112].CopyTo(slots[16..]);
            kept.CopyTo(slots);
        }
        else
        {
            slots[..16].CopyTo(kept);
            slots[16..].CopyTo(slots);
            kept.CopyTo(slots[112..]);
        }

        FpuStatus = (ushort)(FpuStatus & ~0x3800 | (FpuTop + by & 7) << 11);
    }

    private void PopX87()
    {
        SetTag(0, false);
        TurnStack(1);
    }

    /// <summary>Stack fault: IE and SF; C1 tells overflow from underflow. False: unmasked.</summary>
    private bool StackFaultX87(bool overflow)
    {
        bool go = CommitX87(FloatFlags.Invalid, overflow);
        FpuStatus |= StatusStackFault;
        return go;
    }

    private static Float80 IndefiniteX87 => SoftNumber.Indefinite.ToExtended();

    /// <summary>Pushes a result, or the indefinite on overflow of the stack.</summary>
    private void PushX87(Float80 value)
    {
        bool overflow = !IsEmpty(7);
        if (overflow && !StackFaultX87(true))
        {
            return;
        }

        if (!overflow)
        {
            FpuStatus &= unchecked((ushort)~StatusC1);
        }

        TurnStack(-1);
        SetStack(0, overflow ? IndefiniteX87 : value);
    }

    /// <summary>Checks a source register. False: the instruction is over (unmasked), or <paramref name="masked"/> with the indefinite to store.</summary>
    private bool HasStack(int i, out bool masked)
    {
        masked = false;
        if (!IsEmpty(i))
        {
            return true;
        }

        masked = StackFaultX87(false);
        return false;
    }
}
