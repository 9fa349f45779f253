// The policy: who runs next, for how long, and whom a wake-up preempts. It reads no clock, starts no thread and draws no random number;
// Dispatcher drives it with the host's time, the tests with a simulated one.
namespace Runtime.Scheduling;

/// <summary>
/// Proportional share by stride scheduling (Waldspurger and Weihl, "Stride Scheduling", MIT/LCS/TM-528, 1995), kept in terms of what a
/// pass stands for: the lag behind the ideal fluid, pass = global pass - lag / rate. Of those who are not ahead of the fluid the one whose
/// request the fluid would finish first runs, as in EEVDF (Stoica and Abdel-Wahab, 1995): this bounds the error by one quantum, where
/// plain stride errs by up to half as many quanta as there are clients. A client that blocks while it is owed keeps that, up to one
/// quantum; one that blocks while it is ahead stays in the competition until the fluid has caught up, so that nobody gains by sleeping briefly.
/// </summary>
/// <param name="processors">How many clients can run at once.</param>
/// <param name="quantum">The longest run without a decision, in nanoseconds.</param>
/// <param name="equalShares">Fair share: weights count for nothing.</param>
public sealed class StrideScheduler(int processors, long quantum, bool equalShares = false)
{
    private const double Tolerance = 1e-3;

    private readonly List<ShareClient> _clients = [];

    /// <summary>Those whom the fluid serves: all that are not blocked, and those that are leaving.</summary>
    private readonly List<ShareClient> _fluid = [];
    private long _arrivals;

    public int Processors => processors;

    public long Quantum => quantum;

    /// <summary>A client that wakes asks for this much first, and goes before those who compute: input and output are served promptly. What it
    /// gets so it is entitled to, so nobody starves.</summary>
    public long WakeRequest => quantum / 4;

    /// <summary>Shorter runs are not worth a switch.</summary>
    public long ShortestRun => quantum / 8;

    /// <summary>A new client, blocked at first.</summary>
    public void Add(ShareClient client)
    {
        client.Order = _arrivals++;
        client.Budget = client.Cap < 1 ? new CapBudget(quantum) : null;
        _clients.Add(client);
    }

    public void Remove(ShareClient client, long now)
    {
        Refill(now);
        _clients.Remove(client);
        Leave(client);
    }

    /// <summary>A blocked client has something to run.</summary>
    public void Wake(ShareClient client, long now)
    {
        if (client.State != ClientState.Blocked)
        {
            return;
        }

        Refill(now);
        client.State = ClientState.Ready;
        client.Request = WakeRequest;
        client.IsUrgent = true;
        if (!client.IsLeaving)
        {
            Enter(client);
        }

        client.IsLeaving = false;
    }

    /// <summary>A client, running as a rule, has nothing more to run.</summary>
    public void Block(ShareClient client, long now)
    {
        Refill(now);
        client.State = ClientState.Blocked;
        client.IsLeaving = client.Lag < 0;
        if (!client.IsLeaving)
        {
            client.Lag = Math.Min(client.Lag, quantum);
            Leave(client);
        }
    }

    /// <summary>Chooses the next client for a free processor. What running clients have used must have been charged before.</summary>
    /// <param name="slice">How long it may run; it may be let run longer when nobody waits.</param>
    /// <returns>Null when nobody who may run is ready.</returns>
    public ShareClient? Pick(long now, out long slice)
    {
        Refill(now);
        ShareClient? best = null;
        int bestRank = 0;
        (double lag, double rate) = (_fluid.Sum(client => client.Lag), _fluid.Sum(client => client.Rate));
        foreach (ShareClient client in _fluid)
        {
            if (client.State != ClientState.Ready || client.Budget?.IsThrottled == true)
            {
                continue;
            }

            int rank = client.Lag - (client.Rate / rate * lag) < -Tolerance ? 0 : client.IsUrgent ? 2 : 1;
            if (best is null || rank > bestRank || (rank == bestRank && ComesBefore(client, best)))
            {
                (best, bestRank) = (client, rank);
            }
        }

        slice = 0;
        if (best is null)
        {
            ForgetLags();
            return null;
        }

        best.State = ClientState.Running;
        best.Request = Math.Max(best.Request, ShortestRun);
        slice = Math.Max(1, Math.Min(best.Request, best.Budget?.Available ?? long.MaxValue));
        return best;
    }

    /// <summary>Accounts for processor time that was used by a client or on its behalf. Others that compete are owed their parts of it.</summary>
    /// <param name="used">Negative to take back what was charged too much.</param>
    public void Charge(ShareClient client, long used, long now)
    {
        Refill(now);
        client.Budget?.Use(used);
        client.Request -= used;
        client.Lag -= used;
        if (client.State == ClientState.Blocked && !client.IsLeaving && client.Lag < 0)
        {
            client.IsLeaving = true;
            Enter(client);
        }

        Serve(used);
    }

    /// <summary>A running client gives its processor up and goes on competing.</summary>
    public void Requeue(ShareClient client)
    {
        client.State = ClientState.Ready;
        if (client.Request <= 0)
        {
            client.Request = quantum;
            client.IsUrgent = false;
        }
    }

    /// <summary>Whether a ready client should take the processor of a running one at once.</summary>
    public bool Preempts(ShareClient woken, ShareClient running)
        => woken.State == ClientState.Ready && woken.IsUrgent && woken.Lag >= -Tolerance && woken.Budget?.IsThrottled != true
            && (!running.IsUrgent || woken.Deadline < running.Deadline);

    /// <summary>When the next client that waits for its cap may run; <see cref="long.MaxValue"/> when none does.</summary>
    public long NextBudget(long now)
    {
        Refill(now);
        long next = long.MaxValue;
        foreach (ShareClient client in _clients)
        {
            if (client.State == ClientState.Ready && client.Budget?.IsThrottled == true)
            {
                next = Math.Min(next, now + client.Budget.TimeUntilReady(client.Rate));
            }
        }

        return next;
    }

    private static bool ComesBefore(ShareClient one, ShareClient other)
        => one.Deadline != other.Deadline ? one.Deadline < other.Deadline : one.Order < other.Order;

    /// <summary>Lets the fluid serve everybody for as long as this much was used. Who is leaving leaves at the moment it is even.</summary>
    private void Serve(double used)
    {
        while (used != 0 && _fluid.Count > 0)
        {
            double rate = _fluid.Sum(client => client.Rate);
            double step = used;
            ShareClient? first = null;
            foreach (ShareClient client in _fluid)
            {
                double untilEven = -client.Lag / client.Rate * rate;
                if (client.IsLeaving && used > 0 && untilEven <= step)
                {
                    (first, step) = (client, Math.Max(0, untilEven));
                }
            }

            foreach (ShareClient client in _fluid)
            {
                client.Lag += step * client.Rate / rate;
            }

            used -= step;
            if (first is null)
            {
                return;
            }

            first.Lag = 0;
            first.IsLeaving = false;
            Leave(first);
        }
    }

    /// <summary>A processor stays idle: whoever may run does so, and nobody can be owed anything.</summary>
    private void ForgetLags()
    {
        foreach (ShareClient client in _fluid.ToArray())
        {
            client.Lag = 0;
            if (client.IsLeaving)
            {
                client.IsLeaving = false;
                Leave(client);
            }
        }
    }

    private void Refill(long now)
    {
        foreach (ShareClient client in _clients)
        {
            bool isBlocked = client.State == ClientState.Blocked;
            client.Budget?.Refill(now, isBlocked ? client.Cap : client.Rate, isBlocked);
        }
    }

    private void Enter(ShareClient client)
    {
        _fluid.Add(client);
        Reassign();
    }

    private void Leave(ShareClient client)
    {
        if (_fluid.Remove(client))
        {
            Reassign();
        }
    }

    private void Reassign() => FluidRates.Assign(_fluid, processors, client => equalShares ? 1 : client.Weight);
}
