// When the guest is told of finished requests. Each notification interrupts it, so a guest that keeps asking gets its answers together; one
// that waits gets them at once. It stands between a transfer's end and BlockRing's response.
namespace Runtime.Devices.Block;

/// <summary>What a ring knows when it decides whether to answer.</summary>
/// <param name="Finished">Requests done whose responses are held.</param>
/// <param name="HasRequests">There are others in the ring that have not been looked at.</param>
/// <param name="IsGuestIdle">The guest waits: it asks for nothing more before it is answered.</param>
/// <param name="Held">How long the oldest response has been held.</param>
/// <param name="Quiet">How long ago a request came last.</param>
internal readonly record struct HoldState(int Finished, bool HasRequests, bool IsGuestIdle, TimeSpan Held, TimeSpan Quiet);

/// <summary>
/// Holds responses until as many are there as the guest had under way the last time that it was waited for, or it waits, or falls quiet. The
/// number is learned: it follows what was answered together, and now and then twice that is waited for. A guest that asks for one thing at a
/// time is so answered at once, all but a few times.
/// </summary>
internal sealed class ResponseHold(int most)
{
    /// <summary>How long any response may wait, and how long for a request that does not come.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMicroseconds(300), s_longestQuiet = TimeSpan.FromMicroseconds(50);

    /// <summary>The same in an attempt: a guest that was answered in two halves settles the first, 16 requests in 60 us, before it asks again.</summary>
    private static readonly TimeSpan s_longestQuietOfAttempt = TimeSpan.FromMicroseconds(200);

    /// <summary>What a guest that has asked takes until it waits: to be interrupted on the way there costs it more than that.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromMicroseconds(10);

    /// <summary>Answers between two attempts at waiting for more: few while that succeeds, many while it does not.</summary>
    private const int ShortestPause = 4, LongestPause = 256;

    private int _pause = ShortestPause;
    private int _sinceAttempt;
    private bool _isAttempt;

    /// <summary>Responses that are waited for.</summary>
    public int Target { get; private set; } = 1;

    /// <summary>Whether to wait on. When not, the caller answers all that are finished.</summary>
    public bool Holds(in HoldState state)
    {
        if (state.Finished == 0)
        {
            return false;
        }

        if (state.Held >= s_longest)
        {
            return state.HasRequests ? Answer(state.Finished) : GiveUp(state.Finished);
        }

        if (state.HasRequests)
        {
            return true;
        }

        if (state.IsGuestIdle)
        {
            // It has asked for all that it wants, and nothing is lost by having waited. That it was fewer this once is no reason to expect no more.
            Succeeded(state.Finished);
            return Answer(Math.Max(state.Finished, Target - (Target + 3) / 4));
        }

        bool isReached = state.Finished >= Target;
        TimeSpan patience = isReached ? s_grace : _isAttempt ? s_longestQuietOfAttempt : s_longestQuiet;
        return state.Quiet < patience || (isReached ? Reached(state.Finished) : GiveUp(state.Finished));
    }

    private void Succeeded(int finished) => _pause = _isAttempt && finished >= Target ? ShortestPause : _pause;

    /// <param name="target">Responses to wait for from now on.</param>
    private bool Answer(int target)
    {
        (Target, _isAttempt) = (Math.Min(target, most), false);
        return false;
    }

    private bool Reached(int finished)
    {
        // Where there was more to come, there may be still more.
        Succeeded(finished);
        bool isNext = _isAttempt || ++_sinceAttempt >= _pause;
        (_sinceAttempt, _isAttempt) = (isNext ? 0 : _sinceAttempt, isNext);
        Target = Math.Min(most, isNext ? finished * 2 : finished);
        return false;
    }

    private bool GiveUp(int finished)
    {
        if (_isAttempt)
        {
            _pause = Math.Min(_pause * 2, LongestPause);
        }

        return Answer(finished);
    }
}
