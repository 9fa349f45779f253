// What one instruction may do, for those who perform an instruction without decoding it (Perform). The rest of these operations is
// in the chapters that they belong to. All have one contract: false means that a fault or an exit is recorded and nothing was changed.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>Where control goes on when the present instruction is done.</summary>
    public void JumpTo(uint eip) => _nextEip = eip;

    /// <summary>Loads EFLAGS, all of it.</summary>
    public void LoadFlags(uint value) => SetFlags(value);

    public bool TryReadMemory(SegmentIndex segment, uint offset, int size, out uint value) => TryRead(segment, offset, size, out value);

    public bool TryWriteMemory(SegmentIndex segment, uint offset, int size, uint value) => TryWrite(segment, offset, size, value);

    public bool TryPushValue(int size, uint value) => TryPush(value, size);

    /// <summary>LGDT with a 32-bit address.</summary>
    public bool TryLoadGdtr(SegmentIndex segment, uint offset, int operandSize)
        => TryLoadTable(segment, offset, uint.MaxValue, operandSize == 4, ref _state.Gdtr);

    /// <summary>LIDT with a 32-bit address.</summary>
    public bool TryLoadIdtr(SegmentIndex segment, uint offset, int operandSize)
        => TryLoadTable(segment, offset, uint.MaxValue, operandSize == 4, ref _state.Idtr);

    public bool TryStoreGdtr(SegmentIndex segment, uint offset) => TryStoreTable(segment, offset, _state.Gdtr);

    public bool TryStoreIdtr(SegmentIndex segment, uint offset) => TryStoreTable(segment, offset, _state.Idtr);

    /// <summary>HLT: always an exit.</summary>
    public bool TryHalt() => RequireRing0() && RetireAndExit(new VmExit(VmExitReason.Halt));

    /// <summary>INT n; the return address is behind the instruction.</summary>
    public bool TryInterrupt(byte vector) => TrySoftwareInterrupt(vector, EventKind.Software);

    /// <summary>#UD, for an instruction that this model does not have.</summary>
    public bool RefuseInstruction() => InvalidOpcode();

    /// <summary>Fetches the instruction at EIP from RAM, whatever the code view shows there, and executes it.</summary>
    public bool TryExecuteOriginal()
    {
        _fetchesOriginal = true;
        bool done = TryExecute();
        _fetchesOriginal = false;
        return done;
    }

    private bool TryExecute()
    {
        uint eip = _state.Eip;
        if ((FetchFast(eip) ?? FetchSlow(eip)) is not { } d)
        {
            return false;
        }

        _nextEip = eip + d.Length;
        return d.Execute(d);
    }

    private bool SetGpr(int index, uint value)
    {
        Gpr(index) = value;
        return true;
    }
}
