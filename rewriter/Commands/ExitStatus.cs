namespace Rewriter.Commands;

/// <summary>What the program's exit status says.</summary>
public static class ExitStatus
{
    public const int Good = 0;

    /// <summary>Valid, but a site that fails silently was left unpatched.</summary>
    public const int Incomplete = 1;

    public const int Usage = 2;

    /// <summary>The image is malformed, unsupported or unreadable, or the output cannot be written.</summary>
    public const int BadImage = 3;

    /// <summary>Ended by a signal, as shells count it for SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>Ended by SIGTERM.</summary>
    public const int Terminated = 143;
}
