namespace Rewriter.Scanning;

/// <summary>An entry of the kernel's exception table: a fault at <paramref name="Address"/> resumes at <paramref name="Fixup"/>.</summary>
public readonly record struct ExceptionEntry(ulong Address, ulong Fixup);
