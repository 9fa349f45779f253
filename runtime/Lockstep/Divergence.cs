namespace Runtime.Lockstep;

/// <summary>The first difference that was found.</summary>
/// <param name="What">One line.</param>
/// <param name="Fields">Registers that differ.</param>
/// <param name="Memory">The first byte of RAM that differs.</param>
/// <param name="Instructions">How many the reference had executed.</param>
/// <param name="Reference">Its registers.</param>
/// <param name="Subject">The other's registers.</param>
internal sealed record Divergence(string What, IReadOnlyList<FieldDifference> Fields, RamDifference? Memory, long Instructions, string Reference, string Subject)
{
    /// <summary>The instruction after which both differ; null as long as only the stretch is known in which it is.</summary>
    public uint? Culprit { get; init; }
}
