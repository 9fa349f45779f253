namespace Runtime;

/// <summary>How a run ended.</summary>
/// <param name="ExitStatus">The process's exit status.</param>
/// <param name="Line">What the user reads of it, one line; null when there is nothing to say.</param>
public sealed record Outcome(int ExitStatus, string? Line)
{
    public const int UsageStatus = 2, BadImageStatus = 3, GuestDiedStatus = 4, TimeLimitStatus = 124, InterruptedStatus = 130;

    public static readonly Outcome TimeLimit = new(TimeLimitStatus, "time limit reached");
    public static readonly Outcome Interrupted = new(InterruptedStatus, "interrupted");
    public static readonly Outcome Stopped = new(0, "stopped");
    public static readonly Outcome EndedByUser = new(0, "ended by Ctrl-A x");
    public static readonly Outcome HaltedForGood = new(0, null);

    /// <summary>What was found out about the image only when it already ran.</summary>
    public static Outcome BadImage(string reason) => new(BadImageStatus, reason);

    public static Outcome PowerOff(string source) => new(0, null);

    public static Outcome Reset(string source) => new(0, $"guest reset the machine ({source})");

    /// <summary>As QEMU's isa-debug-exit.</summary>
    public static Outcome DebugExit(byte value) => new((value << 1 | 1) & 0xFF, null);

    public static Outcome GuestDied(string reason) => new(GuestDiedStatus, "guest died: " + reason);
}
