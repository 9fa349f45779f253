// One virtual processor's place in the queue for the host's processors. Its thread waits here; the dispatcher decides.
using Runtime.Accounts;
using Runtime.Time;

namespace Runtime.Scheduling;

/// <summary>The gate of one virtual processor, and what the dispatcher knows of it. Fields that are not volatile belong to the dispatcher's lock.</summary>
/// <param name="meter">Read on the virtual processor's thread.</param>
/// <param name="kick">Makes the engine return soon; any thread.</param>
/// <param name="bind">Moves the calling thread and its guest's processes to a processor of the host.</param>
public sealed class ProcessorTurn(Dispatcher dispatcher, ShareClient client, CpuAccount account, ICpuMeter? meter, Action kick, Action<int> bind)
    : IProcessorGate, IDisposable
{
    private readonly IWakeSignal _changed = WakeSignal.Create();
    private volatile bool _hasProcessor;
    private volatile bool _isClosed;
    private volatile bool _mustYield;
    private int _boundTo = -1;
    private long _switchedSince;

    public bool MustYield => _mustYield;

    public long WaitedNanoseconds
    {
        get
        {
            CpuTimes times = account.At(dispatcher.Now);
            return times.Waiting + times.Stolen;
        }
    }

    public ShareClient Client => client;

    public CpuAccount Account => account;

    internal bool IsMetered => meter is not null;

    /// <summary>The thread that runs it, for its clock; 0 before it has entered.</summary>
    internal int ThreadId { get; private set; }

    /// <summary>Index of the processor that it has, or had last.</summary>
    internal int Slot { get; set; } = -1;

    /// <summary>When its present turn began, and up to when it has been charged for it.</summary>
    internal long GrantedAt { get; set; }

    internal long ChargedUntil { get; set; }

    /// <summary>Charged in this turn by the clock, to be corrected by what the meter says.</summary>
    internal long Provisional { get; set; }

    internal long SliceEnd { get; set; }

    /// <summary>When its last turn ended; long ago before the first.</summary>
    internal long LeftAt { get; set; } = long.MinValue / 2;

    /// <summary>When it was asked to give its processor up; 0 when it was not.</summary>
    internal long AskedAt { get; set; }

    internal bool IsPaused { get; set; }

    /// <summary>Whether it wants to run, paused or not.</summary>
    internal bool WantsToRun { get; set; }

    /// <summary>Who takes the processor from it before its slice is over, and what its thread had used by then.</summary>
    internal ProcessorTurn? PreemptedFor { get; set; }

    internal long ThreadTimeAtPreemption { get; set; }

    public void Enter()
    {
        ThreadId = HostThread.Id;
        dispatcher.Enter(this);
        Wait();
    }

    public void Yield()
    {
        if (_hasProcessor)
        {
            dispatcher.Yield(this);
        }

        Wait();
    }

    public void Block()
    {
        if (_hasProcessor)
        {
            _hasProcessor = false;
            dispatcher.Block(this);
        }
    }

    /// <summary>The machine has ended: whoever waits here goes on without a processor. Any thread.</summary>
    public void Close()
    {
        _isClosed = true;
        _changed.Set();
    }

    public void Dispose()
    {
        dispatcher.Leave(this);
        _changed.Dispose();
    }

    /// <param name="switchedSince">When another guest was asked to give this processor up; 0 when that does not apply.</param>
    internal void Grant(long switchedSince)
    {
        _switchedSince = switchedSince;
        _mustYield = false;
        _hasProcessor = true;
        _changed.Set();
    }

    /// <summary>The processor is taken away; under the dispatcher's lock, by its own thread.</summary>
    internal void Revoke() => _hasProcessor = false;

    /// <summary>What has been used so far; nothing where there is no meter.</summary>
    internal CpuReading Read() => meter?.Read() ?? default;

    internal void AskToYield()
    {
        if (!_mustYield)
        {
            _mustYield = true;
            kick();
        }
    }

    private void Wait()
    {
        while (!_hasProcessor && !_isClosed)
        {
            _changed.Wait(DeadlineQueue.Never);
        }

        if (!_hasProcessor)
        {
            return;
        }

        int processor = dispatcher.ProcessorOf(this);
        if (processor != _boundTo)
        {
            _boundTo = processor;
            bind(processor);
        }

        dispatcher.Began(_switchedSince);
        _switchedSince = 0;
    }
}
