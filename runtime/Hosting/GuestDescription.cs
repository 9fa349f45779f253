using Runtime.Abi;
using Runtime.Devices.Disks;

namespace Runtime.Hosting;

/// <summary>A place in a file, for whoever has to mend what is there.</summary>
/// <param name="Line">From 1.</param>
public readonly record struct FilePlace(string File, int Line)
{
    public override string ToString() => $"{File}:{Line}";
}

/// <summary>What a user described cannot be done: one line that begins with file and line number.</summary>
public sealed class DescriptionException(FilePlace place, string what) : Exception($"{place}: {what}");

/// <summary>One guest of a host. Paths are absolute, or relative to the working directory.</summary>
/// <param name="MemoryBytes">What it may hold of the host's memory.</param>
/// <param name="MaximumBytes">RAM that its machine has: what its balloon can grow to.</param>
/// <param name="Weight">Its part of what is shared.</param>
/// <param name="Cap">The most that it may use, in processors.</param>
/// <param name="IsOnNetwork">Whether it has a network card, whose cable leads to the host's network.</param>
/// <param name="Log">A file that gets what its serial port sends, or null.</param>
public sealed record GuestDescription(
    FilePlace Place,
    string Name,
    string Kernel,
    string Append,
    IReadOnlyList<string> Initrd,
    IReadOnlyList<DiskSpecification> Disks,
    ulong MemoryBytes,
    ulong MaximumBytes,
    int Weight,
    double Cap,
    ExecutionMode Mode,
    EngineKind Engine,
    bool IsOnNetwork,
    string? Log);

/// <summary>The network that the guests of a host share.</summary>
/// <param name="Kind">"switch", "user" or "tap:NAME", as of <c>run --net</c>.</param>
/// <param name="Forwards">Ports of this machine that lead to guests, with "user" only.</param>
/// <param name="Capture">A capture file, or null.</param>
public sealed record NetworkDescription(FilePlace Place, string Kind, IReadOnlyList<string> Forwards, string? Capture);

/// <summary>A host and its guests.</summary>
/// <param name="Processors">How many processors of this machine the guests share.</param>
/// <param name="EqualShares">Fair share instead of weights.</param>
/// <param name="Quantum">The longest turn while others wait, in nanoseconds.</param>
/// <param name="MemoryBytes">What all guests may hold together.</param>
/// <param name="Network">What the cards of guests that have one are plugged into.</param>
/// <param name="KeepsAccounts">False to see what accounts cost: shares then go by the clock on the wall.</param>
public sealed record HostDescription(
    int Processors,
    bool EqualShares,
    long Quantum,
    ulong MemoryBytes,
    bool KeepsAccounts,
    NetworkDescription Network,
    IReadOnlyList<GuestDescription> Guests);
