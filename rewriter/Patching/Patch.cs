using Rewriter.Scanning;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>Says which guest instruction a trampoline offset stands for, so that an EIP inside it can be reported as the original one.
/// Offsets from this one up to the next entry's belong to <paramref name="GuestAddress"/>.</summary>
/// <param name="Offset">Bytes from the trampoline's start.</param>
/// <param name="GuestAddress">Address of the original instruction.</param>
/// <param name="IsRestart">At exactly this offset the guest's registers, flags and memory are those before the original instruction:
/// execution may be moved from <paramref name="GuestAddress"/> to here, and back. One such entry for each instruction of the range and one,
/// where control goes on, for the address behind them.</param>
public readonly record struct TrampolineMapEntry(int Offset, uint GuestAddress, bool IsRestart);

/// <summary>One overwritten range and the trampoline it leads to. Immutable; the image's bytes are only changed when a writer applies
/// it.</summary>
/// <param name="Address">Guest virtual address of the first overwritten byte.</param>
/// <param name="OriginalBytes">What was there.</param>
/// <param name="NewBytes">What is put there; the same length.</param>
/// <param name="Tactic">Tactic of the site that the range was made for; <see cref="PatchTactic.Evicted"/> for a range that only makes
/// room.</param>
/// <param name="TrampolineAddress">Guest virtual address in the monitor window; 0 for <see cref="PatchTactic.Trap"/> and for a landing in
/// padding.</param>
/// <param name="Trampoline">IA-32 code; empty where there is none.</param>
/// <param name="Map">By ascending offset.</param>
public sealed record Patch(
    uint Address,
    ReadOnlyMemory<byte> OriginalBytes,
    ReadOnlyMemory<byte> NewBytes,
    PatchTactic Tactic,
    uint TrampolineAddress,
    ReadOnlyMemory<byte> Trampoline,
    IReadOnlyList<TrampolineMapEntry> Map)
{
    /// <summary>Of a <see cref="PatchTactic.ShortJump"/> or <see cref="PatchTactic.ChainedJump"/>: address of the jmp rel32 that its jump
    /// goes through, which is part of another patch; else 0. No guest instruction starts there: an EIP equal to it means the trampoline's first byte.</summary>
    public uint Landing { get; init; }
}

/// <summary>What became of one site, with the reason where a better tactic failed.</summary>
/// <param name="Index">Position in the plan's site table; the number that a shim writes to <see
/// cref="MonitorWindow.Data.SiteIndex"/>.</param>
/// <param name="Shim">Name of the shim in the catalogue, or "" for <see cref="PatchTactic.Leave"/>.</param>
/// <param name="Reason">Why not a better tactic; null when the best was used.</param>
public sealed record PlannedSite(int Index, SensitiveInstruction Site, PatchTactic Tactic, string Shim, string? Reason)
{
    /// <summary>How the reason begins where a policy was it.</summary>
    public const string PolicyPrefix = "policy ";

    /// <summary>Left as it is, at run time too.</summary>
    public bool IsLeftByPolicy => Tactic == PatchTactic.Leave && Reason?.StartsWith(PolicyPrefix, StringComparison.Ordinal) == true;
}

/// <summary>What to do to an image: ordered by address, non-overlapping, total over the sites, deterministic.</summary>
public sealed record PatchPlan(ExecutionMode Mode, uint WindowBase, IReadOnlyList<PlannedSite> Sites, IReadOnlyList<Patch> Patches);
