// In which order jobs are done. Between two flushes or barriers any order is right: they are sorted by sector, so that neighbours become one
// transfer; a flush or a barrier comes after all that was asked before it and before all that was asked after.
using Runtime.Abi.Xen;

namespace Runtime.Devices.Block;

/// <summary>Orders and merges jobs. It performs nothing.</summary>
internal static class BlockSchedule
{
    /// <summary>Pieces of one transfer: Linux takes 1024 (IOV_MAX).</summary>
    public const int MostPieces = 1024;

    /// <summary>Calls <paramref name="perform"/> with runs of jobs that are one transfer each, in an order in which they may be done.</summary>
    /// <param name="jobs">In the order in which they were asked for. Reordered.</param>
    public static void Run(List<BlockJob> jobs, Action<List<BlockJob>> perform)
    {
        var run = new List<BlockJob>();
        for (int start = 0; start < jobs.Count;)
        {
            int end = start;
            while (end < jobs.Count && IsFree(jobs[end]))
            {
                end++;
            }

            Sort(jobs, start, end);
            for (int i = start; i < end; i++)
            {
                if (run.Count > 0 && !Continues(run, jobs[i]))
                {
                    perform(run);
                    run.Clear();
                }

                run.Add(jobs[i]);
            }

            if (run.Count > 0)
            {
                perform(run);
                run.Clear();
            }

            if (end < jobs.Count)
            {
                run.Add(jobs[end++]);
                perform(run);
                run.Clear();
            }

            start = end;
        }
    }

    /// <summary>Whether a job may change places with its neighbours.</summary>
    private static bool IsFree(BlockJob job) => job.Action is BlockOperation.Read or BlockOperation.Write;

    /// <summary>By direction and sector, unless two jobs touch the same sectors and one of them writes: then the order is the guest's.</summary>
    private static void Sort(List<BlockJob> jobs, int start, int end)
    {
        for (int i = start; i < end; i++)
        {
            for (int j = start; j < i; j++)
            {
                bool overlap = jobs[i].Sector < jobs[j].End && jobs[j].Sector < jobs[i].End;
                if (overlap && (jobs[i].Action == BlockOperation.Write || jobs[j].Action == BlockOperation.Write))
                {
                    return;
                }
            }
        }

        jobs.Sort(start, end - start, s_byPlace);
    }

    private static bool Continues(List<BlockJob> run, BlockJob job)
        => run[^1].Action == job.Action && run[^1].End == job.Sector && run.Sum(done => done.Pieces.Count) + job.Pieces.Count <= MostPieces;

    private static readonly Comparer<BlockJob> s_byPlace = Comparer<BlockJob>.Create((a, b) => (a.Action, a.Sector).CompareTo((b.Action, b.Sector)));
}
