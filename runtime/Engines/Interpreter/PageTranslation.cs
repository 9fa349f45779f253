namespace Runtime.Engines.Interpreter;

/// <summary>What an access wants of a page.</summary>
public enum AccessKind : byte
{
    Read,
    Write,
    Fetch,
}

/// <summary>What the page walker found for one linear address.</summary>
/// <param name="Physical">Guest-physical address of the byte itself, not of its page.</param>
/// <param name="PageSize">4096, 2 MiB or 4 MiB.</param>
/// <param name="Writable">R/W of every level.</param>
/// <param name="User">U/S of every level.</param>
/// <param name="Global">G, when CR4.PGE is set.</param>
/// <param name="NoExecute">XD of any level, when EFER.NXE is set.</param>
/// <param name="Dirty">D of the leaf, after the update that this walk made.</param>
public readonly record struct PageTranslation(
    ulong Physical, uint PageSize, bool Writable, bool User, bool Global, bool NoExecute, bool Dirty);
