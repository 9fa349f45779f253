// Flag control (SDM vol. 1, 5.1.11) and PUSHF/POPF with what IOPL and virtual-8086 mode make of them (SDM vol. 2).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const uint WritableFlags = FlagBits.Arithmetic | FlagBits.Tf | FlagBits.If | FlagBits.Df | FlagBits.Iopl | FlagBits.Nt
        | FlagBits.Rf | FlagBits.Ac | FlagBits.Id;

    private void RegisterFlagControl()
    {
        RegisterFlag(Mnemonic.Clc, f => f & ~FlagBits.Cf);
        RegisterFlag(Mnemonic.Stc, f => f | FlagBits.Cf);
        RegisterFlag(Mnemonic.Cmc, f => f ^ FlagBits.Cf);
        RegisterFlag(Mnemonic.Cld, f => f & ~FlagBits.Df);
        RegisterFlag(Mnemonic.Std, f => f | FlagBits.Df);
        _handlers.On(Mnemonic.Cli, _ => TryClearInterruptFlag());
        _handlers.On(Mnemonic.Sti, _ => TrySetInterruptFlag());
        _handlers.On(Mnemonic.Lahf, LoadFlagsToAh);
        _handlers.On(Mnemonic.Sahf, StoreAhToFlags);
        _handlers.On(Mnemonic.Pushf, _ => TryPushFlags(2));
        _handlers.On(Mnemonic.Pushfd, _ => TryPushFlags(4));
        _handlers.On(Mnemonic.Popf, _ => TryPopFlags(2));
        _handlers.On(Mnemonic.Popfd, _ => TryPopFlags(4));
        _handlers.On(Mnemonic.Salc, _ =>
        {
            WriteRegister8(VcpuState.Eax, (_state.Eflags & FlagBits.Cf) != 0 ? 0xFFu : 0);
            return true;
        });
    }

    private void RegisterFlag(Mnemonic mnemonic, Func<uint, uint> change)
        => _handlers.On(mnemonic, _ =>
        {
            _state.Eflags = change(_state.Eflags);
            return true;
        });

    private int Iopl => (int)(_state.Eflags >> 12 & 3);

    /// <summary>Writes EFLAGS and whatever depends on it.</summary>
    internal void SetFlags(uint value)
    {
        uint changed = _state.Eflags ^ value;
        _state.Eflags = value | 2;
        if ((changed & (FlagBits.Ac | FlagBits.Vm)) != 0)
        {
            Refresh();
        }

        _loadedFlags = true;
        AskForAttention();
    }

    /// <summary>SDM vol. 2, CLI: CPL against IOPL; v86 needs IOPL 3.</summary>
    private bool MayChangeInterruptFlag => !_state.ProtectedMode || _state.Cpl <= Iopl;

    /// <summary>CLI.</summary>
    public bool TryClearInterruptFlag()
    {
        if (!MayChangeInterruptFlag)
        {
            return GeneralProtection();
        }

        _state.Eflags &= ~FlagBits.If;
        return true;
    }

    /// <summary>STI.</summary>
    public bool TrySetInterruptFlag()
    {
        if (!MayChangeInterruptFlag)
        {
            return GeneralProtection();
        }

        // The shadow holds only if IF was clear before.
        if (!_state.InterruptsEnabled)
        {
            _state.Eflags |= FlagBits.If;
            _state.InterruptShadow = true;
            _attention = true;
        }

        return true;
    }

    private bool LoadFlagsToAh(DecodedInstruction d)
    {
        WriteRegister8(4, _state.Eflags & 0xD5 | 2);
        return true;
    }

    private bool StoreAhToFlags(DecodedInstruction d)
    {
        _state.Eflags = _state.Eflags & ~0xD5u | ReadRegister8(4) & 0xD5;
        return true;
    }

    /// <summary>PUSHF.</summary>
    public bool TryPushFlags(int size)
    {
        if (_state.Virtual8086 && Iopl < 3)
        {
            return GeneralProtection();
        }

        return TryPush(_state.Eflags & ~(FlagBits.Vm | FlagBits.Rf), size);
    }

    /// <summary>POPF.</summary>
    public bool TryPopFlags(int size)
    {
        if (_state.Virtual8086 && Iopl < 3)
        {
            return GeneralProtection();
        }

        uint sp = StackPointer;
        if (!TryPop(ref sp, size, out uint value))
        {
            return false;
        }

        SetStackPointer(sp);
        SetFlags(MergeFlags(value, size) & ~FlagBits.Rf);
        return true;
    }

    /// <summary>EFLAGS after a load by POPF or IRET at the current privilege.</summary>
    private uint MergeFlags(uint value, int size)
    {
        uint writable = WritableFlags & (size == 2 ? 0xFFFF : uint.MaxValue);
        if (_state.ProtectedMode && _state.Cpl != 0)
        {
            writable &= ~FlagBits.Iopl;
            if (_state.Cpl > Iopl)
            {
                writable &= ~FlagBits.If;
            }
        }

        return _state.Eflags & ~writable | value & writable;
    }
}
