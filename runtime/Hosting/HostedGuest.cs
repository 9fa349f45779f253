// One guest of a host: its thread, its machine, its account, from start to end.
using Runtime.Abi;
using Runtime.Accounts;
using Runtime.Devices;
using Runtime.Devices.Xen;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Loading;
using Runtime.Network;
using Runtime.Paravirt;
using Runtime.Scheduling;
using Runtime.Time;
using Runtime.XenStore;

namespace Runtime.Hosting;

/// <summary>Whatever becomes of it, the others go on. Any thread.</summary>
internal sealed class HostedGuest
{
    private readonly Lock _lock = new();
    private readonly PreparedGuest _prepared;
    private readonly Dispatcher _dispatcher;
    private readonly IClock _clock;
    private readonly ShareClient _client;
    private readonly CpuAccount _cpu;
    private readonly MemoryAccount _memory = new();
    private readonly MemoryAllowance _allowance;
    private readonly ExitCounters _counters;
    private readonly NetworkPlug? _plug;
    private readonly Thread _thread;
    private EngineHost? _engine;
    private VirtualMachine? _machine;
    private ProcessorTurn? _turn;
    private volatile GuestMeter? _meter;
    private Outcome? _asked;
    private volatile Outcome? _outcome;
    private volatile bool _isPaused;

    /// <param name="plug">Where its network card is plugged in; null for no card.</param>
    public HostedGuest(PreparedGuest prepared, Dispatcher dispatcher, IClock clock, bool keepsAccount, NetworkPlug? plug)
    {
        _plug = plug;
        _counters = new ExitCounters { Detail = keepsAccount ? ExitDetail.Counts : ExitDetail.None };
        (_prepared, _dispatcher, _clock) = (prepared, dispatcher, clock);
        Console = new GuestConsole(prepared.Log);
        _allowance = new MemoryAllowance(Description.MemoryBytes);
        _client = new ShareClient(Description.Name, Description.Weight, Description.Cap);
        _cpu = new CpuAccount(clock.Now);
        _thread = new Thread(Run, maxStackSize: 1 << 20) { Name = "guest " + Description.Name };
    }

    public GuestDescription Description => _prepared.Description;

    public GuestConsole Console { get; }

    /// <summary>What the user should know beside the outcome, one line; null when there is nothing.</summary>
    public string? Note { get; private set; }

    /// <summary>How it ended; null while it has not.</summary>
    public Outcome? Outcome => _outcome;

    /// <summary>Called on its thread when it has ended and given everything back.</summary>
    public Action Ended { get; init; } = () => { };

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    /// <returns>False when it has ended.</returns>
    public bool Pause() => IfAlive(() =>
    {
        _isPaused = true;
        if (_turn is not null)
        {
            _dispatcher.Pause(_turn);
        }
    });

    /// <returns>False when it has ended.</returns>
    public bool Resume() => IfAlive(() =>
    {
        _isPaused = false;
        if (_turn is not null)
        {
            _dispatcher.Resume(_turn);
        }
    });

    /// <returns>False when it has ended.</returns>
    public bool Stop(Outcome outcome) => IfAlive(() =>
    {
        _asked ??= outcome;
        _machine?.End(outcome);
        _turn?.Close();
    });

    /// <summary>Something was typed.</summary>
    public void Type(ReadOnlySpan<byte> bytes)
    {
        Console.Type(bytes);
        lock (_lock)
        {
            _machine?.Wake();
        }
    }

    /// <summary>What has to be kept for it of the host's memory, in bytes.</summary>
    public ulong PromisedBytes
    {
        get
        {
            lock (_lock)
            {
                return _outcome is null ? _allowance.Bytes + GuestsFile.Overhead : 0;
            }
        }
    }

    /// <summary>Says what it may hold from now on.</summary>
    /// <returns>False when it has ended or has no balloon.</returns>
    public bool TrySetMemory(ulong bytes)
    {
        lock (_lock)
        {
            if (_machine?.Xen is not XenPlatform xen)
            {
                return false;
            }

            xen.LimitMemory(bytes);
            _allowance.Set(bytes, OwnedBytes(xen));
            return true;
        }
    }

    /// <summary>Its XenStore, a node a line; null when it has none or has ended.</summary>
    public string? ListStore()
    {
        lock (_lock)
        {
            return _machine?.Xen is XenPlatform xen ? StoreListing.Of(xen.Store.Tree.Root) : null;
        }
    }

    /// <summary>Takes stock of the memory that it holds.</summary>
    public void Sample()
    {
        lock (_lock)
        {
            EngineMemory held = _engine?.Engine.ReadMemory() ?? default;
            long bytes = _engine is { Name: "interpreter" } ? (long)_engine.Memory.Length : held.RamBytes + held.CodeBytes;
            _memory.Sample(bytes, held.ShadowPages, _clock.Now);
            EnforceAllowance(held);
        }
    }

    /// <summary>Processor time that it has used in processes of its own, by its last turn.</summary>
    public long ProcessNanoseconds => _meter?.ProcessNanoseconds ?? 0;

    public GuestReport Report() => new(
        Description.Name, State(), _outcome is null ? null : _outcome.Line ?? "ended", _outcome?.ExitStatus, Description.Weight, Description.Cap,
        _allowance.Limit, _cpu.Turns, _cpu.At(_clock.Now), _memory.Use, _prepared.DiskAccount.Use, _plug?.Account?.Use ?? default,
        State() == "starting" ? [] : [.. _counters.Reasons.Where(reason => reason.Count > 0).Select(reason => new ExitUse(reason.Reason, reason.Count, reason.Nanoseconds))]);

    private static ulong OwnedBytes(XenPlatform xen) => (ulong)xen.Reservation.Current << 12;

    /// <summary>Beyond what its balloon should have left to it there is nothing for a guest, as under Xen (populate on demand): it dies.</summary>
    private void EnforceAllowance(in EngineMemory held)
    {
        if (_machine?.Xen is XenPlatform xen)
        {
            _allowance.Note(OwnedBytes(xen));
            ulong bytes = (ulong)held.RamBytes, may = _allowance.Bytes + MachineLayout.XenPlatformMemory;
            if (bytes > may)
            {
                _machine.Kill($"it holds {bytes >> 20}M of memory and may hold {_allowance.Bytes >> 20}M");
            }
        }
    }

    private string State() => _outcome is not null ? "ended"
        : _isPaused ? "paused"
        : _turn is null ? "starting"
        : _client.State.ToString().ToLowerInvariant();

    private bool IfAlive(Action action)
    {
        lock (_lock)
        {
            if (_outcome is not null)
            {
                return false;
            }

            action();
            return true;
        }
    }

    private void Run()
    {
        Outcome outcome;
        try
        {
            outcome = RunMachine();
        }
        catch (Exception exception) when (exception is EngineUnavailableException or Rewriter.Images.BadImageException or Engines.Direct.Host.HostCallException or OutOfMemoryException)
        {
            outcome = new Outcome(Outcome.GuestDiedStatus, "could not run: " + exception.Message);
        }

        _cpu.End(_clock.Now);
        Console.Dispose();
        _prepared.Dispose();
        Sample();
        lock (_lock)
        {
            _outcome = outcome;
        }

        Ended();
    }

    private Outcome RunMachine()
    {
        GuestImage file = _prepared.Image;
        var request = new EngineRequest(Description.Engine, _prepared.Mode, file.Kernel, file.Plan, Description.MaximumBytes, _counters);
        bool hasXen = _prepared.Mode == ExecutionMode.Para;
        EngineHost host = EngineFactory.Create(hasXen ? request.UnderXen() : request);
        try
        {
            Note = host.Note;
            BootLoader.Load(file.Kernel, _prepared.Parameters, host.Memory, host.Engine.State);
            GuestMeter meter = _meter = new GuestMeter(host.Engine, _counters);
            ICpuMeter? reader = _counters.Detail != ExitDetail.None ? meter : null;
            using ProcessorTurn turn = _dispatcher.Admit(_client, _cpu, reader, host.Engine.Kick, host.Engine.Bind);
            var parts = new PlatformParts(host.Memory, _prepared.Disks, Console, DeviceTrace.None) { Network = _plug };
            parts = hasXen ? parts.UnderXen() : parts;
            using var machine = new VirtualMachine(host, parts, _clock, _counters, new SymbolTable(file.Kernel.Symbols), null, null, turn);
            meter.OtherThreads = () => machine.ThreadNanoseconds + (_plug?.Account?.ThreadNanoseconds ?? 0);
            using ShimLibrary? shims = ShimLoading.Start(file, Description.Kernel, host, machine, line => Note = line);
            Publish(host, machine, turn);
            Outcome outcome = machine.Run();
            Publish(null, null, null);
            return outcome;
        }
        finally
        {
            Publish(null, null, null);
            host.Dispose();
        }
    }

    /// <summary>From here on, or no longer, others may reach the machine.</summary>
    private void Publish(EngineHost? engine, VirtualMachine? machine, ProcessorTurn? turn)
    {
        lock (_lock)
        {
            (_engine, _machine, _turn) = (engine, machine, turn);
            machine?.Xen?.LimitMemory(_allowance.Limit);
            if (machine is not null && _asked is not null)
            {
                machine.End(_asked);
                turn!.Close();
            }

            if (turn is not null && _isPaused)
            {
                _dispatcher.Pause(turn);
            }
        }
    }
}
