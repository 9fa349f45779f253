// The network's own thread works for all guests at once. What it used is divided by the frames that moved meanwhile: measuring each frame would
// cost more than forwarding it. (What a guest's thread forwards itself is measured with that thread.)
using Runtime.Accounts;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>Charges guests with the processor time of the network's thread. For who has the network's turn.</summary>
internal sealed class NetworkBill
{
    /// <summary>Less is not worth a look at all accounts; in nanoseconds.</summary>
    private const long Threshold = 100_000;

    private readonly List<(NetworkAccount Account, long Frames)> _payers = [];
    private long _charged;

    public void Add(NetworkAccount account) => _payers.Add((account, account.Frames));

    /// <summary>On the network's thread, now and then. Time in which no frame moved is the host's own.</summary>
    public void Charge() => Charge(HostThread.TimeOfCaller());

    /// <param name="used">Processor time of the thread so far.</param>
    internal void Charge(long used)
    {
        long open = used - _charged;
        if (open < Threshold)
        {
            return;
        }

        _charged = used;
        long[] moved = [.. _payers.Select(payer => payer.Account.Frames - payer.Frames)];
        long all = moved.Sum();
        for (int i = 0; i < moved.Length && all > 0; i++)
        {
            (NetworkAccount account, long frames) = _payers[i];
            account.AddThread((long)((double)open * moved[i] / all));
            _payers[i] = (account, frames + moved[i]);
        }
    }
}
