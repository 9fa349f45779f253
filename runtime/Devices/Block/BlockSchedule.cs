// In which order jobs are done. Between two flushes or barriers any order is right: they are sorted by sector, so that neighbours become one
// transfer; a flush or a barrier comes after all that was asked before it and before all that was asked after.
using Runtime.Abi.Xen;

namespace Runtime.Devices.Block;

/// <summary>Orders and merges jobs. It performs nothing. One thread at a time.</summary>
internal sealed class BlockSchedule
{
    /// <summary>Pieces of one transfer: Linux takes 1024 (IOV_MAX).</summary>
    public const int MostPieces = 1024;

    private readonly List<BlockRun> _runs = [];
    private readonly Stack<BlockRun> _free = new();
    private readonly List<BlockJob> _byPlace = [];

    /// <summary>Calls <paramref name="perform"/> with runs of jobs; those of one call may be done in any order, those of the next after them. A run that
    /// is no plain read or write comes alone.</summary>
    /// <param name="jobs">In the order in which they were asked for. Reordered.</param>
    public void Run(List<BlockJob> jobs, Action<List<BlockRun>> perform)
    {
        for (int start = 0, end; start < jobs.Count; start = end)
        {
            end = start;
            while (end < jobs.Count && IsFree(jobs[end]))
            {
                end++;
            }

            if (end > start)
            {
                RunFree(jobs, start, end, perform);
            }

            if (end < jobs.Count)
            {
                Join(jobs[end++]);
                Flush(perform);
            }
        }
    }

    /// <summary>Jobs of which none is a flush or a barrier.</summary>
    private void RunFree(List<BlockJob> jobs, int start, int end, Action<List<BlockRun>> perform)
    {
        bool isSorted = TrySort(jobs, start, end);
        for (int i = start; i < end; i++)
        {
            if (!isSorted && _runs.Count > 0 && !Continues(_runs[^1], jobs[i]))
            {
                Flush(perform);
            }

            Join(jobs[i]);
        }

        Flush(perform);
    }

    private void Join(BlockJob job)
    {
        if (_runs.Count == 0 || !Continues(_runs[^1], job))
        {
            BlockRun run = _free.TryPop(out BlockRun? free) ? free : new BlockRun();
            run.Clear();
            _runs.Add(run);
        }

        _runs[^1].Add(job);
    }

    private void Flush(Action<List<BlockRun>> perform)
    {
        perform(_runs);
        _runs.ForEach(_free.Push);
        _runs.Clear();
    }

    /// <summary>Whether a job may change places with its neighbours.</summary>
    private static bool IsFree(BlockJob job) => job.Action is BlockOperation.Read or BlockOperation.Write;

    /// <summary>By direction and sector, unless jobs touch the same sectors and there are writes: then the order is the guest's.</summary>
    private bool TrySort(List<BlockJob> jobs, int start, int end)
    {
        _byPlace.Clear();
        _byPlace.AddRange(jobs[start..end]);
        if (_byPlace.Exists(job => job.Action == BlockOperation.Write))
        {
            _byPlace.Sort((a, b) => a.Sector.CompareTo(b.Sector));
            for (int i = 1; i < _byPlace.Count; i++)
            {
                if (_byPlace[i].Sector < _byPlace[i - 1].End)
                {
                    return false;
                }
            }
        }

        jobs.Sort(start, end - start, s_byPlace);
        return true;
    }

    private static bool Continues(BlockRun run, BlockJob job)
        => IsFree(job) && run.First.Action == job.Action && run.End == job.Sector && run.Pieces + job.Pieces.Count <= MostPieces;

    private static readonly Comparer<BlockJob> s_byPlace = Comparer<BlockJob>.Create((a, b) => (a.Action, a.Sector).CompareTo((b.Action, b.Sector)));
}
