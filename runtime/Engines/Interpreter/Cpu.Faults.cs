// Faults and exits as values: handlers record one and return false; Settle turns it into a delivery or a VmExit.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private static readonly VmExit Shutdown = new(VmExitReason.Shutdown);

    private int _faultVector = -1;
    private uint? _faultError;
    private uint _faultAddress;
    private VmExit _exit;
    private bool _shutdown;
    private bool _holdFaults;
    private bool _faultWasHeld;
    private DecodedInstruction? _pendingRead;

    /// <summary>A triple fault happened. Only <see cref="Reset"/> ends it.</summary>
    public bool IsShutdown => _shutdown;

    /// <summary>INIT or power-up from the processor's own caches' point of view: nothing pending, nothing cached.</summary>
    public void Reset()
    {
        _shutdown = false;
        _faultVector = -1;
        _exit = VmExit.None;
        _pendingRead = null;
        _stackShadow = false;
        FlushTlb();
    }

    /// <summary>Delivers a hardware exception at the current EIP, with the rules for double and triple faults.</summary>
    /// <returns><see cref="VmExitReason.None"/>, or <see cref="VmExitReason.Shutdown"/>.</returns>
    public VmExit RaiseException(byte vector, uint? errorCode, uint? cr2 = null)
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _faultVector = vector;
        _faultError = errorCode;
        _faultAddress = cr2 ?? _state.Cr2;
        VmExit exit = Settle();
        AskForAttention();
        return exit;
    }

    private bool RecordFault(byte vector)
    {
        _faultVector = vector;
        _faultError = null;
        return false;
    }

    private bool RecordFault(byte vector, uint error)
    {
        _faultVector = vector;
        _faultError = error;
        return false;
    }

    private bool RecordPageFault(uint linear, uint error)
    {
        _faultAddress = linear;
        return RecordFault(ExceptionVector.PageFault, error);
    }

    private bool GeneralProtection() => RecordFault(ExceptionVector.GeneralProtection, 0);

    private bool InvalidOpcode() => RecordFault(ExceptionVector.InvalidOpcode);

    /// <summary>Leaves the loop with the instruction still to do.</summary>
    private bool Exit(VmExit exit)
    {
        _exit = exit;
        return false;
    }

    /// <summary>Leaves the loop with the instruction done.</summary>
    private bool RetireAndExit(VmExit exit)
    {
        _state.Eip = _nextEip;
        _retired++;
        return Exit(exit);
    }

    private VmExit Settle()
    {
        if (_faultVector < 0)
        {
            VmExit exit = _exit;
            _exit = VmExit.None;
            return exit;
        }

        if (_holdFaults)
        {
            _faultVector = -1;
            _faultWasHeld = true;
            return VmExit.None;
        }

        byte vector = (byte)_faultVector;
        uint? error = _faultError;
        while (true)
        {
            if (vector == ExceptionVector.PageFault)
            {
                _state.Cr2 = _faultAddress;
            }
            else if (vector == ExceptionVector.Debug)
            {
                CommitDebugStatus();
            }

            _faultVector = -1;
            if (TryDeliver(vector, EventKind.Exception, error, _state.Eip, true))
            {
                return VmExit.None;
            }

            // SDM vol. 3, 6.15, table 6-5 and #DF: a fault while delivering a fault.
            if (vector == ExceptionVector.DoubleFault)
            {
                _faultVector = -1;
                _shutdown = true;
                return Shutdown;
            }

            byte second = (byte)_faultVector;
            if ((IsContributory(vector) && IsContributory(second))
                || (vector == ExceptionVector.PageFault && (IsContributory(second) || second == ExceptionVector.PageFault)))
            {
                vector = ExceptionVector.DoubleFault;
                error = 0;
            }
            else
            {
                vector = second;
                error = _faultError;
            }
        }
    }

    private static bool IsContributory(byte vector) => vector is ExceptionVector.DivideError or (>= ExceptionVector.InvalidTss and <= ExceptionVector.GeneralProtection);
}
