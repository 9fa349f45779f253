// Port input and output (SDM vol. 1, chapter 19). The run loop owns the devices: each access is an exit.
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterInputOutput()
    {
        _handlers.On(Mnemonic.In, In);
        _handlers.On(Mnemonic.Out, Out);
        foreach (Mnemonic m in (ReadOnlySpan<Mnemonic>)[Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd])
        {
            _handlers.On(m, InString);
        }

        foreach (Mnemonic m in (ReadOnlySpan<Mnemonic>)[Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd])
        {
            _handlers.On(m, OutString);
        }
    }

    /// <summary>Gives the value for the <see cref="VmExitReason.PortRead"/> last returned, and retires that element.</summary>
    public void CompletePortRead(uint value)
    {
        DecodedInstruction d = _pendingRead ?? throw new InvalidOperationException("no port read is pending");
        _pendingRead = null;
        Refresh();
        _nextEip = _state.Eip + d.Length;
        if (d.Mnemonic == Mnemonic.In)
        {
            WriteRegister(VcpuState.Eax, d.Op0.Size, value);
        }
        else
        {
            int size = ElementSize(d);

            // Probed before the exit, and nothing ran since.
            if (!TryWrite(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, value))
            {
                Settle();
                return;
            }

            Advance(VcpuState.Edi, d, size);
            CountElement(d);
        }

        _state.Eip = _nextEip;
        _retired++;
        _state.InterruptShadow = false;
        if ((_state.Eflags & FlagBits.Tf) != 0)
        {
            _trapBits |= Dr6SingleStep;
            RaiseDebugTrap();
        }
    }

    private void CountElement(DecodedInstruction d)
    {
        if (!d.Repeat && !d.RepeatNot)
        {
            return;
        }

        ref uint ecx = ref Gpr(VcpuState.Ecx);
        ecx = ecx & ~d.AddressMask | ecx - 1 & d.AddressMask;
        if ((ecx & d.AddressMask) != 0)
        {
            _nextEip = _state.Eip;
        }
    }

    private bool IsSpent(DecodedInstruction d) => (d.Repeat || d.RepeatNot) && (Gpr(VcpuState.Ecx) & d.AddressMask) == 0;

    private static ushort PortOf(DecodedInstruction d, uint dx, OperandKind kind)
        => (ushort)(kind == OperandKind.Immediate ? d.Immediate & 0xFF : dx);

    /// <summary>SDM vol. 1, 19.5: IOPL, then the permission bitmap of the TSS.</summary>
    public bool TryPermitPort(ushort port, int size)
    {
        if (!_state.ProtectedMode || (!_state.Virtual8086 && _state.Cpl <= Iopl))
        {
            return true;
        }

        ref SegmentRegister tss = ref _state.Tr;
        if (!tss.IsUsable || tss.Type is not (SystemType.Tss32 or SystemType.BusyTss32) || tss.Limit < 0x67)
        {
            return GeneralProtection();
        }

        if (!TryReadLinear(tss.Base + 0x66, 2, false, out uint map))
        {
            return false;
        }

        uint at = map + (uint)(port >> 3);
        if (at + 1 > tss.Limit)
        {
            return GeneralProtection();
        }

        if (!TryReadLinear(tss.Base + at, 2, false, out uint bits))
        {
            return false;
        }

        return (bits >> (port & 7) & (1u << size) - 1) == 0 || GeneralProtection();
    }

    private bool In(DecodedInstruction d)
    {
        ushort port = PortOf(d, Gpr(VcpuState.Edx), d.Op1.Kind);
        if (!TryPermitPort(port, d.Op0.Size))
        {
            return false;
        }

        _pendingRead = d;
        return Exit(VmExit.PortRead(port, d.Op0.Size));
    }

    private bool Out(DecodedInstruction d)
    {
        ushort port = PortOf(d, Gpr(VcpuState.Edx), d.Op0.Kind);
        if (!TryPermitPort(port, d.Op1.Size))
        {
            return false;
        }

        return RetireAndExit(VmExit.PortWrite(port, d.Op1.Size, ReadRegister(VcpuState.Eax, d.Op1.Size)));
    }

    private bool InString(DecodedInstruction d)
    {
        int size = ElementSize(d);
        ushort port = (ushort)Gpr(VcpuState.Edx);
        if (!TryPermitPort(port, size))
        {
            return false;
        }

        if (IsSpent(d))
        {
            return true;
        }

        // The store must not fail after the device was read.
        if (!TryModify(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, out _))
        {
            return false;
        }

        _pendingRead = d;
        return Exit(VmExit.PortRead(port, (byte)size));
    }

    private bool OutString(DecodedInstruction d)
    {
        int size = ElementSize(d);
        ushort port = (ushort)Gpr(VcpuState.Edx);
        if (!TryPermitPort(port, size))
        {
            return false;
        }

        if (IsSpent(d))
        {
            return true;
        }

        if (!TryRead(d.Segment, Gpr(VcpuState.Esi) & d.AddressMask, size, out uint value))
        {
            return false;
        }

        Advance(VcpuState.Esi, d, size);
        CountElement(d);
        return RetireAndExit(VmExit.PortWrite(port, (byte)size, value));
    }
}
