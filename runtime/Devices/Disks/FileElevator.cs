// Reads of one host file by several disks: the bases of overlays, and images that are read only. Each ring's thread does its own guest's
// transfers, so that no guest waits for another's; but it takes along what others have waiting right next to them, and all threads sweep over the
// file in one direction from where the last of them was (C-SCAN). Files that are written have one disk only, which BlockSchedule has sorted.
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>One host file, open for reading, and who uses it. Safe from any thread.</summary>
internal sealed class FileElevator
{
    /// <summary>What Linux takes in one call (IOV_MAX).</summary>
    private const int MostPieces = 1024;

    private static readonly Dictionary<HostFileId, FileElevator> s_open = [];

    private readonly Lock _gate = new();
    private readonly HostFileId _file;
    private readonly List<Waiting> _waiting = [];
    private long _head;
    private volatile int _users;

    private FileElevator(HostFileId file) => _file = file;

    /// <summary>Somebody besides the caller reads the file.</summary>
    public bool IsShared => _users > 1;

    /// <summary>Calls to the host so far that were for more than one batch of transfers.</summary>
    public long JointCalls { get; private set; }

    /// <summary>A disk begins to use the file.</summary>
    public static FileElevator Enter(HostFileId file)
    {
        lock (s_open)
        {
            ref FileElevator? elevator = ref CollectionsMarshal.GetValueRefOrAddDefault(s_open, file, out _);
            elevator ??= new FileElevator(file);
            elevator._users++;
            return elevator;
        }
    }

    /// <summary>The disk is done with it.</summary>
    public void Leave()
    {
        lock (s_open)
        {
            if (--_users == 0)
            {
                s_open.Remove(_file);
            }
        }
    }

    /// <inheritdoc cref="IDiskContents.TransferAll"/>
    /// <param name="contents">The file, as the caller has it open.</param>
    public void ReadAll(IDiskContents contents, IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done)
    {
        var batch = new Batch(transfers.Count);
        using (_gate.EnterScope())
        {
            foreach (DiskTransfer transfer in transfers)
            {
                _waiting.Insert(FirstAt(transfer.Offset), new Waiting(transfer, batch));
            }
        }

        var run = new List<Waiting>();
        while (TryTake(batch, run))
        {
            try
            {
                Perform(contents, run);
            }
            finally
            {
                run.ForEach(waiting => waiting.Batch.Finish(waiting.Transfer));
            }

            batch.Report(done);
        }

        // What others have taken along is under way.
        batch.ReportRest(done);
    }

    /// <summary>Takes the batch's next transfer, in the direction of the sweep, and its neighbours, whosever they are.</summary>
    /// <returns>False when all of the batch has been taken.</returns>
    private bool TryTake(Batch batch, List<Waiting> run)
    {
        run.Clear();
        using Lock.Scope held = _gate.EnterScope();
        int next = _waiting.FindIndex(FirstAt(_head), waiting => waiting.Batch == batch);
        next = next >= 0 ? next : _waiting.FindIndex(waiting => waiting.Batch == batch);
        if (next < 0)
        {
            return false;
        }

        int first = next, pieces = _waiting[next].Transfer.Vectors.Length;
        while (first > 0 && Continues(_waiting[first - 1], _waiting[first], pieces + _waiting[first - 1].Transfer.Vectors.Length - _waiting[first].Transfer.Vectors.Length))
        {
            pieces += _waiting[--first].Transfer.Vectors.Length;
        }

        run.AddRange(_waiting[first..(next + 1)]);
        _waiting.RemoveRange(first, run.Count);
        for (int at = FirstAt(run[^1].End); at < _waiting.Count && Continues(run[^1], _waiting[at], pieces); at = FirstAt(run[^1].End))
        {
            pieces += _waiting[at].Transfer.Vectors.Length;
            run.Add(_waiting[at]);
            _waiting.RemoveAt(at);
        }

        _head = run[^1].End;
        JointCalls += run.Exists(waiting => waiting.Batch != batch) ? 1 : 0;
        return true;
    }

    /// <param name="pieces">Without those of the second.</param>
    private static bool Continues(Waiting first, Waiting second, int pieces)
        => first.End == second.Transfer.Offset && pieces + second.Transfer.Vectors.Length <= MostPieces;

    private static void Perform(IDiskContents contents, List<Waiting> run)
    {
        if (run.Count == 1)
        {
            run[0].Transfer.PerformOn(contents);
            return;
        }

        long began = Stopwatch.GetTimestamp();
        var vectors = new List<IoVector>();
        foreach (Waiting waiting in run)
        {
            waiting.Transfer.Began = began;
            vectors.AddRange(waiting.Transfer.Vectors);
        }

        try
        {
            contents.Transfer(write: false, run[0].Transfer.Offset, CollectionsMarshal.AsSpan(vectors));
        }
        catch (IOException)
        {
            // Each for itself: only who reads the bad place hears of it.
            run.ForEach(waiting => waiting.Transfer.PerformOn(contents));
        }
    }

    /// <summary>Index of the first waiting transfer at an offset or behind it.</summary>
    private int FirstAt(long offset)
    {
        int low = 0, high = _waiting.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _waiting[middle].Transfer.Offset < offset ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private sealed record Waiting(DiskTransfer Transfer, Batch Batch)
    {
        public long End { get; } = Transfer.Offset + Transfer.Length;
    }

    /// <summary>What one thread asked for together.</summary>
    private sealed class Batch(int count)
    {
        private readonly Queue<DiskTransfer> _finished = new();
        private int _unreported = count;

        /// <summary>Any thread.</summary>
        public void Finish(DiskTransfer transfer)
        {
            lock (_finished)
            {
                _finished.Enqueue(transfer);
                Monitor.Pulse(_finished);
            }
        }

        /// <summary>Tells of what is finished by now.</summary>
        public void Report(Action<DiskTransfer> done)
        {
            while (TryNext(wait: false, out DiskTransfer? transfer))
            {
                done(transfer);
            }
        }

        /// <summary>Waits until all is finished.</summary>
        public void ReportRest(Action<DiskTransfer> done)
        {
            while (_unreported > 0 && TryNext(wait: true, out DiskTransfer? transfer))
            {
                done(transfer);
            }
        }

        private bool TryNext(bool wait, [NotNullWhen(true)] out DiskTransfer? transfer)
        {
            lock (_finished)
            {
                while (wait && _finished.Count == 0)
                {
                    Monitor.Wait(_finished);
                }

                bool isOne = _finished.TryDequeue(out transfer);
                _unreported -= isOne ? 1 : 0;
                return isOne;
            }
        }
    }
}
