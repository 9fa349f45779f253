// Recursive descent for sections where code and data may be mixed: only what control flow reaches is code.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Decodes from roots along the control flow, marks what it proves, and collects what might be a code address for a trial.</summary>
sealed class RecursiveDescent(CodeMapBuilder map)
{
    readonly Stack<ulong> _pending = new();
    readonly List<Instruction> _path = [];
    readonly TrialDescent _trial = new(map);
    readonly PositionIndependentCode _pic = new(map);
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

    /// <summary>Descends from addresses that may be code, and from all further ones that turn up, as far as each survives its trial.</summary>
    public void RunCandidates(IEnumerable<ulong> candidates)
    {
        foreach (ulong candidate in candidates)
        {
            Suspect(candidate);
        }

        while (_candidates.TryDequeue(out ulong candidate))
        {
            if (_trial.IsPlausible(candidate))
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
            if (instruction.IsInvalid || (TrialDescent.IsNonsense(instruction) && _path.Count > 0 && keep > 0) || map.IsInsideInstruction(at))
            {
                _path.RemoveRange(keep, _path.Count - keep);
                return;
            }

            _path.Add(instruction);
            if (EndsPath(instruction))
            {
                return;
            }

            keep = instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall ? _path.Count : keep;
            at = instruction.NextIP;
        }
    }

    void CommitPath()
    {
        _pic.StartPath();
        foreach (Instruction instruction in _path)
        {
            Commit(instruction);
            foreach (ulong suspect in _pic.Follow(instruction))
            {
                Suspect(suspect);
            }
        }
    }

    void Commit(in Instruction instruction)
    {
        bool isCall = instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall;
        bool isFlow = EndsPath(instruction) || instruction.FlowControl == FlowControl.ConditionalBranch;
        map.Mark(instruction.IP, CodeMarks.Start | CodeMarks.Descent | (isFlow ? CodeMarks.Flow : 0));
        if (SensitivityTable.IsSensitive(instruction.Code))
        {
            Sites.Add(instruction);
        }

        if (isCall)
        {
            map.Mark(instruction.NextIP, CodeMarks.CallReturn);
        }

        if (instruction.NearBranchTarget is not 0 and ulong target)
        {
            map.Mark(target, isCall ? CodeMarks.CallTarget : CodeMarks.JumpTarget);
            if (isCall)
            {
                map.Functions.Add(target);
            }

            _pending.Push(target);
        }
    }

    static bool EndsPath(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return or FlowControl.Exception;
}
