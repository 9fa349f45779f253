using Runtime.Scheduling;

namespace Tests.Scheduling;

/// <summary>Processors under a simulated clock, driven by a scheduler as the dispatcher drives it: decisions at wake-ups, blocks, and the ends of
/// slices. A switch takes no time.</summary>
internal sealed class SimulatedHost
{
    private readonly IReadOnlyList<Workload> _workloads;
    private readonly StrideScheduler _scheduler;
    private readonly ShareClient[] _clients;
    private readonly long[] _backlog;
    private readonly int[] _next;
    private readonly (int Client, long Until)[] _processors;

    public SimulatedHost(IReadOnlyList<Workload> workloads, StrideScheduler scheduler)
    {
        (_workloads, _scheduler) = (workloads, scheduler);
        _clients = [.. workloads.Select((workload, index) => new ShareClient("c" + index, workload.Weight, workload.Cap))];
        (_backlog, _next, Served) = (new long[_clients.Length], new int[_clients.Length], new long[_clients.Length]);
        WorstWake = new long[_clients.Length];
        _processors = [.. Enumerable.Repeat((-1, 0L), scheduler.Processors)];
        foreach (ShareClient client in _clients)
        {
            scheduler.Add(client);
        }
    }

    public long Now { get; private set; }

    public long[] Served { get; }

    /// <summary>The longest that each waited from a wake-up to its first run.</summary>
    public long[] WorstWake { get; }

    private readonly Dictionary<int, long> _woken = [];

    public long IdleWhileReady { get; private set; }

    /// <summary>Runs to the next event, at the latest to an instant. False when that instant has been reached.</summary>
    public bool Step(long until)
    {
        long next = until;
        for (int i = 0; i < _clients.Length; i++)
        {
            if (_next[i] < _workloads[i].Arrivals.Count)
            {
                next = Math.Min(next, _workloads[i].Arrivals[_next[i]].At);
            }
        }

        foreach ((int client, long end) in _processors)
        {
            if (client >= 0)
            {
                next = Math.Min(next, Math.Min(end, Now + _backlog[client]));
            }
        }

        next = Math.Max(Now, Math.Min(next, _scheduler.NextBudget(Now)));
        Run(next - Now);
        Arrive();
        Decide();
        return Now < until;
    }

    private void Run(long time)
    {
        bool idles = _processors.Any(processor => processor.Client < 0);
        if (idles && _clients.Any(client => client.State == ClientState.Ready && client.Cap >= 1))
        {
            IdleWhileReady += time;
        }

        Now += time;
        foreach ((int client, _) in _processors)
        {
            if (client >= 0 && time > 0)
            {
                _backlog[client] -= time;
                Served[client] += time;
                _scheduler.Charge(_clients[client], time, Now);
            }
        }

        for (int i = 0; i < _processors.Length; i++)
        {
            int client = _processors[i].Client;
            if (client >= 0 && _backlog[client] == 0)
            {
                _scheduler.Block(_clients[client], Now);
                _processors[i].Client = -1;
            }
            else if (client >= 0 && _processors[i].Until <= Now)
            {
                _scheduler.Requeue(_clients[client]);
                _processors[i].Client = -1;
            }
        }
    }

    private void Arrive()
    {
        for (int i = 0; i < _clients.Length; i++)
        {
            bool arrives = false;
            while (_next[i] < _workloads[i].Arrivals.Count && _workloads[i].Arrivals[_next[i]].At <= Now)
            {
                _backlog[i] += _workloads[i].Arrivals[_next[i]++].Work;
                arrives = true;
            }

            if (arrives && _clients[i].State == ClientState.Blocked)
            {
                _scheduler.Wake(_clients[i], Now);
                _woken[i] = Now;
                Preempt(i);
            }
        }
    }

    private void Preempt(int woken)
    {
        if (_processors.Any(processor => processor.Client < 0))
        {
            return;
        }

        int victim = Enumerable.Range(0, _processors.Length).MaxBy(i => _clients[_processors[i].Client].Deadline);
        ShareClient running = _clients[_processors[victim].Client];
        if (_scheduler.Preempts(_clients[woken], running))
        {
            _scheduler.Requeue(running);
            _processors[victim].Client = -1;
        }
    }

    private void Decide()
    {
        for (int i = 0; i < _processors.Length; i++)
        {
            if (_processors[i].Client < 0 && _scheduler.Pick(Now, out long slice) is ShareClient picked)
            {
                int client = Array.IndexOf(_clients, picked);
                _processors[i] = (client, Now + slice);
                if (_woken.Remove(client, out long since))
                {
                    WorstWake[client] = Math.Max(WorstWake[client], Now - since);
                }
            }
        }
    }
}
