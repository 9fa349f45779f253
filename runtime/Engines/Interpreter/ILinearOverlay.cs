namespace Runtime.Engines.Interpreter;

/// <summary>A window of the linear address space that is monitor memory whatever the guest's page tables say. The window of one
/// overlay object never moves, and covers whole pages.</summary>
public interface ILinearOverlay
{
    bool Covers(uint linear);

    /// <summary>Whether this access is allowed at the current privilege; if not, the guest gets a page fault.</summary>
    bool Permits(uint linear, AccessKind access, bool user);

    /// <summary>Up to <paramref name="length"/> bytes at a covered address; shorter only at the end of the window.</summary>
    Span<byte> Bytes(uint linear, int length);
}

/// <summary>Patched copies of code pages: what instruction fetch sees instead of RAM. Data accesses always see RAM.</summary>
public interface ICodeView
{
    /// <summary>Whether whoever runs the processor takes over at this address: it gets <see cref="VmExitReason.Shim"/>.</summary>
    bool IsShim(uint linear) => false;

    /// <summary>The 4096 bytes to fetch from, or an empty span for RAM.</summary>
    ReadOnlySpan<byte> Page(uint linearPage, uint frame, int cpl);
}
