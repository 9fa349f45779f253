// What a lockstep run found, as text.
namespace Runtime.Lockstep;

/// <summary>Writes the outcome of a <see cref="LockstepRun"/>.</summary>
internal static class LockstepReport
{
    /// <param name="window">How many of the last instructions are shown.</param>
    public static void Write(TextWriter writer, LockstepRun run, Divergence? divergence, SymbolTable symbols, int window)
    {
        writer.WriteLine(
            $"compared {run.Instructions:N0} instructions at {run.Agreements:N0} exits, {run.Interrupts:N0} interrupts; mended: "
            + $"{run.Allowances.UndefinedFlags:N0} undefined flags, {run.Allowances.PushedSelectors:N0} pushed selectors, {run.Ram.AccessedBitsMended:N0} accessed and {run.Ram.DirtyBitsMended:N0} dirty bits");
        if (divergence is null)
        {
            writer.WriteLine("no difference");
            return;
        }

        writer.WriteLine($"difference: {divergence.What}");
        if (divergence.Culprit is uint culprit)
        {
            writer.WriteLine($"  after the instruction at {symbols.Describe(culprit)}: {run.Trail.Disassemble(culprit)}");
        }

        foreach (FieldDifference field in divergence.Fields)
        {
            writer.WriteLine($"  {field.Field,-8} interpreter {field.Reference}, direct {field.Subject}");
        }

        if (divergence.Memory is { } memory)
        {
            writer.WriteLine($"  byte at physical 0x{memory.Physical:x8} (page 0x{memory.Physical >> 12:x}): interpreter {memory.Reference:x2}, direct {memory.Subject:x2}");
            writer.WriteLine($"    interpreter {memory.Physical & ~15ul:x8} {memory.ReferenceLine}");
            writer.WriteLine($"    direct      {memory.Physical & ~15ul:x8} {memory.SubjectLine}");
        }

        writer.WriteLine($"  interpreter {divergence.Reference}");
        writer.WriteLine($"  direct      {divergence.Subject}");
        writer.WriteLine($"last instructions of the interpreter, {divergence.Instructions:N0} in all:");
        foreach ((uint eip, string text) in run.Trail.Last(window))
        {
            writer.WriteLine($"  {eip:x8} {symbols.Find(eip) ?? "",-32} {text}");
        }
    }
}
