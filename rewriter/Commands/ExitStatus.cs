namespace Rewriter.Commands;

/// <summary>What the program's exit status says.</summary>
public static class ExitStatus
{
    public const int Good = 0;

    /// <summary>Valid, but a site that fails silently was left unpatched.</summary>
    public const int Incomplete = 1;

    /// <summary>What was compared differs.</summary>
    public const int Different = 1;

    public const int Usage = 2;

    /// <summary>The image is malformed, unsupported or unreadable, or the output cannot be written.</summary>
    public const int BadImage = 3;

    /// <summary>A policy or a shim pack is malformed, or does not fit the image.</summary>
    public const int BadInput = 4;

    /// <summary>All went well, and there is what the policy forbids or --fail-on names.</summary>
    public const int Findings = 5;

    /// <summary>The image is not what its manifest says, or not safe to run.</summary>
    public const int NotVerified = 6;

    /// <summary>Ended by a signal, as shells count it for SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>Ended by SIGTERM.</summary>
    public const int Terminated = 143;
}
