// Two machines differ somewhere in a stretch: taken back to its beginning, they are moved side by side to the instruction that does it.
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Lockstep;

/// <summary>Finds the first instruction after which both differ. Sound only while nothing but guest code has changed RAM since.</summary>
internal sealed class CulpritSearch(LockstepRun run, LockstepSide reference, LockstepSide subject)
{
    /// <summary>Steps of the subject that change nothing: code is scanned, pages are mapped. Then it is a jump to itself.</summary>
    private const int MostPreparations = 64;

    private readonly Cpu _cpu = ((InterpreterEngine)reference.Engine).Cpu;
    private readonly ISteppableEngine _engine = (ISteppableEngine)subject.Engine;
    private readonly VcpuState _before = new();

    /// <param name="found">What was found at the end of the stretch.</param>
    /// <param name="instructions">Length of the stretch at most, in instructions of the reference.</param>
    /// <returns>The difference at its instruction; <paramref name="found"/> when single steps do not show it.</returns>
    public Divergence Refine(Divergence found, long instructions)
    {
        run.AgreedState.Restore();
        run.Ram.Rewind();
        _cpu.FlushTlb();
        _engine.Forget();
        for (long i = 0; i <= instructions; i++)
        {
            run.Ram.Agree();
            run.Trail.Agree();
            uint eip = reference.State.Eip;
            run.Trail.Add();
            VmExit expected = StepReference(eip), exit = StepSubject(eip);
            if (expected != exit)
            {
                return found with { Culprit = eip, What = "one asks for something, or they ask for different things", Reference = reference.State.ToString(), Subject = subject.State.ToString() };
            }

            if (run.CompareState() is { } difference)
            {
                return difference with { Culprit = eip };
            }

            if (expected.Reason != VmExitReason.None)
            {
                break;
            }
        }

        return found with { What = found.What + "; not shown by single steps, so it depends on what the direct engine had prepared" };
    }

    private VmExit StepReference(uint eip)
    {
        VmExit exit;
        do
        {
            exit = _cpu.Step();
        }
        while (exit.Reason == VmExitReason.None && reference.State.Eip == eip && run.Trail.IsRepeated(eip));
        return exit;
    }

    private VmExit StepSubject(uint eip)
    {
        subject.State.CopyTo(_before);
        VmExit exit = VmExit.None;
        for (int i = 0; i < MostPreparations && exit.Reason == VmExitReason.None && IsAsBefore(); i++)
        {
            exit = Filtered(_engine.Step());
        }

        while (exit.Reason == VmExitReason.None && subject.State.Eip == eip && run.Trail.IsRepeated(eip))
        {
            exit = Filtered(_engine.Step());
        }

        return exit;
    }

    private bool IsAsBefore() => subject.State.Eip == _before.Eip && StateComparison.DifferingRegisters(subject.State, _before) == 0;

    private static VmExit Filtered(in VmExit exit) => exit.Reason == VmExitReason.Kicked ? VmExit.None : exit;
}
