// All guests of one host, from the first's start to the last's end.
using System.Diagnostics.CodeAnalysis;
using Runtime.Accounts;
using Runtime.Network;
using Runtime.Scheduling;
using Runtime.Time;

namespace Runtime.Hosting;

/// <summary>Starts guests, takes stock of them once a second, and stops them. Any thread.</summary>
internal sealed class GuestHost : IDisposable
{
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(1);

    private readonly HostDescription _description;
    private readonly HostClock _clock = new();
    private readonly Dispatcher _dispatcher;
    private readonly List<HostedGuest> _guests = [];
    private readonly HostNetwork? _network;
    private readonly Timer _sampler;
    private readonly Lock _memoryLock = new();
    private readonly ManualResetEventSlim _over = new();
    private long _overhead;

    /// <param name="prepared">Owned from here on.</param>
    /// <param name="network">What the cards of guests are plugged into, not started yet; null when none has one.</param>
    public GuestHost(HostDescription description, IReadOnlyList<PreparedGuest> prepared, HostNetwork? network = null)
    {
        _network = network;
        _description = description;
        var policy = new StrideScheduler(description.Processors, description.Quantum, description.EqualShares);
        // The last processors: where a host has more than it gives away, its own threads tend to be on the first.
        _dispatcher = new Dispatcher(policy, [.. HostThread.Processors.TakeLast(description.Processors)], _clock);
        _guests.AddRange(prepared.Select((guest, number) => new HostedGuest(
            guest, _dispatcher, _clock, description.KeepsAccounts, PlugFor(guest.Description, (uint)number))
        { Ended = NoteEnd }));
        _sampler = new Timer(_ => Sample());
    }

    public IReadOnlyList<HostedGuest> Guests => _guests;

    public void Start()
    {
        _network?.Start();
        _guests.ForEach(guest => guest.Start());
        _sampler.Change(SampleInterval, SampleInterval);
    }

    public void StopAll(Outcome outcome) => _guests.ForEach(guest => guest.Stop(outcome));

    /// <summary>Waits so long at most.</summary>
    /// <returns>Whether all guests have ended.</returns>
    public bool WaitForEnd(TimeSpan time) => _over.Wait(time);

    /// <summary>Waits until every guest has ended and given everything back.</summary>
    public void Join() => _guests.ForEach(guest => guest.Join());

    public bool TryFind(string name, [NotNullWhen(true)] out HostedGuest? guest)
    {
        guest = _guests.Find(candidate => candidate.Description.Name == name);
        return guest is not null;
    }

    /// <summary>Says what a guest may hold of the host's memory from now on.</summary>
    /// <returns>Why not; null when it was done.</returns>
    public string? SetMemory(HostedGuest guest, ulong bytes)
    {
        lock (_memoryLock)
        {
            ulong most = guest.Description.MaximumBytes;
            if (bytes is < MachineLayout.MinimumMemory || bytes > most)
            {
                return $"guest {guest.Description.Name} can have {MachineLayout.MinimumMemory >> 20}M to {most >> 20}M, its maximum";
            }

            // Promised to others, and not to be promised twice: what a guest has yet to give back is still its own.
            Sample();
            ulong others = _guests.Where(other => other != guest).Aggregate(0ul, (sum, other) => sum + other.PromisedBytes);
            ulong left = _description.MemoryBytes - Math.Min(_description.MemoryBytes, others + GuestsFile.Overhead);
            return bytes > left ? $"of the host's {_description.MemoryBytes >> 20}M the other guests leave {left >> 20}M"
                : guest.TrySetMemory(bytes) ? null
                : $"guest {guest.Description.Name} has no balloon, or has ended";
        }
    }

    public HostReport Report()
    {
        Sample();
        GuestReport[] guests = [.. _guests.Select(guest => guest.Report())];
        long processes = _guests.Sum(guest => guest.ProcessNanoseconds), own = HostThread.TimeOfThisProcess();
        long overhead = own + processes - guests.Sum(guest => guest.Cpu.Used);
        _overhead = Math.Max(_overhead, overhead);
        return new HostReport(
            _clock.UtcNow, _clock.Now, _description.Processors, _description.EqualShares ? "fair" : "proportional", _description.Quantum,
            _dispatcher.Switches.Count, _dispatcher.Switches.Nanoseconds, _overhead, own + processes, guests);
    }

    public void Dispose()
    {
        _sampler.Dispose();
        _dispatcher.Dispose();
        _over.Dispose();
    }

    private NetworkPlug? PlugFor(GuestDescription guest, uint number)
        => guest.IsOnNetwork && _network is not null ? new NetworkPlug(_network, number, new NetworkAccount()) : null;

    private void NoteEnd()
    {
        if (_guests.All(guest => guest.Outcome is not null))
        {
            _over.Set();
        }
    }

    private void Sample() => _guests.ForEach(guest => guest.Sample());
}
