namespace Tests.Scheduling;

/// <summary>One client as a test describes it: what it is entitled to, and when how much work arrives for it.</summary>
internal sealed record Workload(int Weight, double Cap, IReadOnlyList<(long At, long Work)> Arrivals);

/// <summary>
/// The ideal that schedulers are held against (generalized processor sharing, Parekh and Gallager 1993): whoever has work is served
/// continuously, by weight, up to its cap and to one processor. Written without regard to speed, and without the scheduler's own code.
/// </summary>
internal sealed class FluidModel(IReadOnlyList<Workload> clients, int processors)
{
    private readonly double[] _backlog = new double[clients.Count];
    private readonly int[] _next = new int[clients.Count];
    private double _now;

    public double[] Served { get; } = new double[clients.Count];

    /// <summary>Serves everybody up to an instant.</summary>
    public void Advance(double until)
    {
        while (_now < until)
        {
            Arrive();
            double[] rates = Rates();
            double step = until - _now;
            for (int i = 0; i < clients.Count; i++)
            {
                if (_next[i] < clients[i].Arrivals.Count)
                {
                    step = Math.Min(step, clients[i].Arrivals[_next[i]].At - _now);
                }

                if (rates[i] > 0)
                {
                    step = Math.Min(step, _backlog[i] / rates[i]);
                }
            }

            step = Math.Max(step, 1e-3);
            for (int i = 0; i < clients.Count; i++)
            {
                double served = Math.Min(_backlog[i], rates[i] * step);
                Served[i] += served;
                _backlog[i] -= served;
                if (_backlog[i] < 1e-2)
                {
                    _backlog[i] = 0;
                }
            }

            _now += step;
        }

        Arrive();
    }

    private void Arrive()
    {
        for (int i = 0; i < clients.Count; i++)
        {
            while (_next[i] < clients[i].Arrivals.Count && clients[i].Arrivals[_next[i]].At <= _now + 1e-3)
            {
                _backlog[i] += clients[i].Arrivals[_next[i]++].Work;
            }
        }
    }

    /// <summary>min(limit, weight * level), with the level at which all processors flow, found by bisection.</summary>
    private double[] Rates()
    {
        double Rate(int i, double level) => _backlog[i] > 0 ? Math.Min(Math.Min(1, clients[i].Cap), clients[i].Weight * level) : 0;
        double low = 0, high = 1;
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            double flow = Enumerable.Range(0, clients.Count).Sum(client => Rate(client, middle));
            (low, high) = flow < processors ? (middle, high) : (low, middle);
        }

        return [.. Enumerable.Range(0, clients.Count).Select(client => Rate(client, high))];
    }
}
