// Recursive descent for sections where code and data may be mixed: only what control flow reaches is code.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Decodes from roots along the control flow, marks what it proves, and collects what might be a code address for a
/// trial.</summary>
sealed class RecursiveDescent(CodeMapBuilder map, bool hasRelocations)
{
    /// <summary>A label that the code right before it names is meant as one: after a far jump to it, or in a hand-made return
    /// address.</summary>
    const ulong NearLabel = 64;

    readonly Stack<ulong> _pending = new();
    readonly List<Instruction> _path = [];
    readonly TrialDescent _trial = new(map);
    readonly NamedAddresses _named = new(map, hasRelocations);
    readonly Queue<ulong> _candidates = new();
    readonly HashSet<ulong> _tried = [];

    /// <summary>Sensitive instructions of proven code, in the order of discovery.</summary>
    public List<Instruction> Sites { get; } = [];

    /// <summary>Descends from addresses that are known to be code.</summary>
    public void Run(IEnumerable<ulong> roots)
    {
        foreach (ulong root in roots)
        {
            _pending.Push(root);
        }

        Drain();
    }

    /// <summary>Descends from addresses that may be code, and from all further ones that turn up, as far as each survives its
    /// trial.</summary>
    /// <param name="areNamed">Whether symbols name them: then odd instructions are meant.</param>
    public void RunCandidates(IEnumerable<ulong> candidates, bool areNamed = false)
    {
        foreach (ulong candidate in candidates)
        {
            if (!areNamed)
            {
                Suspect(candidate);
            }
            else if (map.SectionAt(candidate) is not null && _trial.IsPlausible(candidate, true))
            {
                map.Mark(candidate, CodeMarks.AddressTaken);
                Run([candidate]);
            }
        }

        while (_candidates.TryDequeue(out ulong candidate))
        {
            if (_trial.IsPlausible(candidate, false))
            {
                map.Mark(candidate, CodeMarks.AddressTaken);
                _pending.Push(candidate);
                Drain();
            }
        }
    }

    void Suspect(ulong address)
    {
        if (map.SectionAt(address) is not null && _tried.Add(address))
        {
            _candidates.Enqueue(address);
        }
    }

    void Drain()
    {
        while (_pending.TryPop(out ulong address))
        {
            DecodePath(address);
            CommitPath();
        }
    }

    /// <summary>Decodes up to the next jump or what is already proven. If the path runs into nonsense it is cut after its last call,
    /// which then does not return.</summary>
    void DecodePath(ulong at)
    {
        _path.Clear();
        int keep = 0;
        while ((map.MarksAt(at) & CodeMarks.Start) == 0)
        {
            map.Decode(at, out Instruction instruction);
            if (instruction.IsInvalid || (keep > 0 && _trial.IsNonsense(instruction, true)) || map.IsInsideInstruction(at)
                || map.IsData(at))
            {
                _path.RemoveRange(keep, _path.Count - keep);
                return;
            }

            _path.Add(instruction);
            if (ControlFlow.EndsPath(instruction))
            {
                return;
            }

            keep = TrialDescent.MayNotReturn(instruction) ? _path.Count : keep;
            at = instruction.NextIP;
        }
    }

    void CommitPath()
    {
        _named.StartPath();
        foreach (Instruction instruction in _path)
        {
            Commit(instruction);
            foreach (NamedAddress named in _named.Follow(instruction))
            {
                bool isNear = named.Address - instruction.NextIP < NearLabel;
                if (named.IsJumpedTo || isNear || FunctionStart.IsLikely(map, named.Address))
                {
                    Suspect(named.Address);
                }
            }
        }
    }

    void Commit(in Instruction instruction)
    {
        bool isCall = ControlFlow.IsCall(instruction);
        bool isFlow = ControlFlow.EndsPath(instruction) || instruction.FlowControl == FlowControl.ConditionalBranch;
        map.Mark(instruction.IP, CodeMarks.Start | CodeMarks.Descent | (isFlow ? CodeMarks.Flow : 0));
        if (SensitivityTable.IsSensitive(instruction.Code))
        {
            Sites.Add(instruction);
        }

        if (isCall)
        {
            map.Mark(instruction.NextIP, CodeMarks.CallReturn);
        }

        if (ControlFlow.TryGetTarget(instruction, out ulong target))
        {
            map.Mark(target, isCall ? CodeMarks.CallTarget : CodeMarks.JumpTarget);
            if (isCall)
            {
                map.Functions.Add(target);
            }

            _pending.Push(target);
        }
    }
}
