// Debug registers and the debug exception (SDM vol. 3, chapter 17).
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const uint Dr6GeneralDetect = 1 << 13;
    private const uint Dr6SingleStep = 1 << 14;
    private const uint Dr6TaskSwitch = 1 << 15;
    private const uint Dr7GeneralDetect = 1 << 13;

    /// <summary>What DR6 will say when the debug exception of the current instruction is delivered.</summary>
    private uint _trapBits;
    private bool _dataBreakpoints;

    private bool IsDebugRegister(ref int index)
    {
        // DR4 and DR5 are aliases unless CR4.DE says they are not there.
        if (index is 4 or 5)
        {
            if ((_state.Cr4 & ControlRegisters.Cr4De) != 0)
            {
                return InvalidOpcode();
            }

            index += 2;
        }

        if (_state.Cpl != 0)
        {
            return GeneralProtection();
        }

        if ((_state.Dr7 & Dr7GeneralDetect) != 0)
        {
            _trapBits = Dr6GeneralDetect;
            return RecordFault(ExceptionVector.Debug);
        }

        return true;
    }

    /// <summary>MOV from a debug register.</summary>
    public bool TryReadDebug(int index, out uint value)
    {
        value = 0;
        if (!IsDebugRegister(ref index))
        {
            return false;
        }

        value = index switch { 6 => _state.Dr6, 7 => _state.Dr7, _ => _state.Dr[index] };
        return true;
    }

    /// <summary>MOV to a debug register.</summary>
    public bool TryWriteDebug(int index, uint value)
    {
        if (!IsDebugRegister(ref index))
        {
            return false;
        }

        switch (index)
        {
            case 6:
                _state.Dr6 = value & 0xE00F | 0xFFFF_0FF0;
                break;

            case 7:
                _state.Dr7 = value & 0xFFFF_2BFF | 0x400;
                break;

            default:
                _state.Dr[index] = value;
                break;
        }

        Refresh();
        AskForAttention();
        return true;
    }

    private bool IsEnabled(int breakpoint) => (_state.Dr7 >> 2 * breakpoint & 3) != 0;

    private int Condition(int breakpoint) => (int)(_state.Dr7 >> 16 + 4 * breakpoint & 3);

    private bool HasDataBreakpoints()
    {
        if ((_state.Dr7 & 0xFF) == 0)
        {
            return false;
        }

        for (int i = 0; i < 4; i++)
        {
            if (IsEnabled(i) && Condition(i) is 1 or 3 && IsEnabled(i))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Records hits in <see cref="_trapBits"/>; the trap follows the instruction.</summary>
    private void NoteDataBreakpoints(uint linear, int size, bool write)
    {
        for (int i = 0; i < 4; i++)
        {
            int condition = Condition(i);
            if (!IsEnabled(i) || (condition == 1 ? !write : condition != 3))
            {
                continue;
            }

            // LEN 0-3: 1, 2, 8 (treated as 4 outside 64-bit mode), 4 bytes.
            uint length = (_state.Dr7 >> 18 + 4 * i & 3) switch { 0 => 1u, 1 => 2, _ => 4 };
            uint at = _state.Dr[i] & ~(length - 1);
            if (linear < at + length && at < linear + (uint)size)
            {
                _trapBits |= 1u << i;
                _attention = true;
            }
        }
    }

    private bool HitsInstructionBreakpoint()
    {
        if ((_state.Dr7 & 0xFF) == 0)
        {
            return false;
        }

        uint linear = _codeBase + _state.Eip;
        for (int i = 0; i < 4; i++)
        {
            if (IsEnabled(i) && Condition(i) == 0 && _state.Dr[i] == linear)
            {
                _trapBits |= 1u << i;
            }
        }

        return _trapBits != 0;
    }

    /// <summary>DR6 gets its bits, DR7.GD is cleared, as the exception is delivered.</summary>
    private void CommitDebugStatus()
    {
        _state.Dr6 |= _trapBits;
        _state.Dr7 &= ~Dr7GeneralDetect;
        _trapBits = 0;
    }

    /// <summary>Delivers #DB as a trap: EIP is already on the next instruction and RF stays clear.</summary>
    private VmExit RaiseDebugTrap()
    {
        CommitDebugStatus();
        return TryDeliver(ExceptionVector.Debug, EventKind.Exception, null, _state.Eip, false) ? VmExit.None : Settle();
    }
}
