// Where the monitor's thread and the stub process run. Apart, both can wait by spinning and an exit costs half a microsecond; on a
// machine that is busy with other things they only wait for each other's time slice, and sharing a processor is five times faster.
using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct;

/// <summary>Chooses between the two by what hand-overs cost of late. For the thread of one virtual CPU.</summary>
internal sealed class ProcessorPlacement
{
    /// <summary>Hand-overs for one that is timed: reading the counter on both sides takes as long as a tenth of a hypercall.</summary>
    private const int SampleInterval = 8;

    /// <summary>Timed hand-overs between two decisions.</summary>
    private const int Period = 128;

    /// <summary>Decisions between two looks at what the other placement would cost now.</summary>
    private const int Patience = 64;

    /// <summary>Ticks that one hand-over counts for at most: one long wait must not decide alone.</summary>
    private const long Outlier = 250_000;

    /// <summary>A guest that was halted so often in a row, with so few hand-overs in between, is idle: then all that counts is how much the two
    /// keep the host busy, and on one processor neither wakes another one nor spins.</summary>
    private const int IdleHalts = 8, IdleHandOvers = 64;

    private readonly ulong[] _allowed = LinuxHost.Affinity(0);
    private readonly HostTimeStamp _clock = new();
    private readonly double[] _cost = [double.NaN, double.NaN];
    private bool _hasChoice;
    private long _sum;
    private int _count;
    private int _untimed;
    private int _decisions;
    private int _generation = 1;
    private int _halts;
    private int _sinceHalt;
    private bool _isIdle;
    private ulong[] _stubMask;
    private uint _monitor;

    public ProcessorPlacement()
    {
        _stubMask = _allowed;
        _hasChoice = _allowed.Sum(word => System.Numerics.BitOperations.PopCount(word)) > 1;
        if (_hasChoice)
        {
            Choose(true);
        }
    }

    /// <summary>Whether the two are kept on different processors.</summary>
    public bool IsApart { get; private set; }

    /// <summary>The host's time-stamp counter, which stub processes read too.</summary>
    public long Now => (long)_clock.Read();

    /// <summary>The guest was halted, and goes on.</summary>
    public void Halted()
    {
        _halts = _sinceHalt < IdleHandOvers ? _halts + 1 : 0;
        _sinceHalt = 0;
        if (_halts == IdleHalts && _hasChoice)
        {
            _isIdle = true;
            Choose(false);
        }
    }

    /// <summary>Whether the next hand-over is to be timed.</summary>
    public bool WantsSample() => _hasChoice && !_isIdle && ++_untimed % SampleInterval == 0;

    /// <summary>Accounts for one timed entry and exit.</summary>
    /// <param name="ticks">What both hand-overs took together.</param>
    public void Record(long ticks)
    {
        _sum += Math.Clamp(ticks, 0, Outlier);
        if (++_count == Period)
        {
            Decide();
        }
    }

    /// <summary>Applies the present choice to a stub process that does not follow it yet. Only the stub is told where to run: the monitor's
    /// thread is never bound, so that threads started from it are not either; when it moves, the stub is told again.</summary>
    /// <param name="generation">The choice that the process follows; updated.</param>
    public void Apply(int pid, ref int generation)
    {
        if (++_sinceHalt == IdleHandOvers && _isIdle)
        {
            _isIdle = false;
            Choose(true);
        }
        else if ((IsApart || _isIdle) && LinuxHost.CurrentProcessor() != _monitor)
        {
            Choose(IsApart);
        }

        if (generation != _generation)
        {
            generation = _generation;
            LinuxHost.SetAffinity(pid, _stubMask);
        }
    }

    /// <summary>From now on stub processes and the monitor's thread share this one processor.</summary>
    public void Bind(int processor)
    {
        (_hasChoice, IsApart, _isIdle) = (false, false, false);
        _generation++;
        _stubMask = new ulong[_allowed.Length];
        _stubMask[processor / 64] = 1ul << (processor % 64);
    }

    private void Decide()
    {
        _cost[IsApart ? 1 : 0] = (double)_sum / _count;
        (_sum, _count) = (0, 0);
        double here = _cost[IsApart ? 1 : 0], there = _cost[IsApart ? 0 : 1];
        if (double.IsNaN(there) || there < here || ++_decisions % Patience == 0)
        {
            Choose(!IsApart);
        }
    }

    private void Choose(bool apart)
    {
        IsApart = apart;
        _generation++;
        _stubMask = _allowed;
        _monitor = LinuxHost.CurrentProcessor();
        ulong monitor = 1ul << (int)(_monitor % 64);
        if (apart)
        {
            _stubMask = [.. _allowed];
            _stubMask[_monitor / 64] &= ~monitor;
        }
        else if (_isIdle)
        {
            _stubMask = new ulong[_allowed.Length];
            _stubMask[_monitor / 64] = monitor;
        }
    }
}
