namespace Runtime.Engines.Direct;

/// <summary>Linux signal numbers that a stub process handles (x86).</summary>
internal static class StubSignals
{
    public const int Ill = 4, Trap = 5, Bus = 7, Fpe = 8, Segv = 11, Sys = 31;

    /// <summary>SIGUSR1: leave the guest.</summary>
    public const int Kick = 10;

    public static readonly int[] All = [Ill, Trap, Bus, Fpe, Segv, Sys, Kick];
}
