// One connected ring of a disk: a thread that takes what there is, does it, answers, and sleeps when there is nothing. Transfers go straight
// from and to the guest's pages, which stay pinned until the response is in the ring.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices.Disks;
using Runtime.Devices.Xen;
using Runtime.Events;
using Runtime.Memory;
using Runtime.Time;

namespace Runtime.Devices.Block;

/// <summary>Serves a front end from the moment it is connected until <see cref="Dispose"/>.</summary>
internal sealed class BlockRing : IDisposable
{
    /// <summary>Where there is one processor for the guest and for this, looking for requests keeps the guest from making them.</summary>
    private static readonly bool s_canLook = Environment.ProcessorCount > 1;

    /// <summary>How long to look for requests before going to sleep.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMicroseconds(s_canLook ? 30 : 0);

    /// <summary>How long to sleep where spinning is out of place.</summary>
    private const long LingerNanoseconds = 20_000;

    private readonly BackendHost _host;
    private readonly DiskImage _disk;
    private readonly uint _port;
    private readonly BackRing _ring;
    private readonly BlockIntake _intake;
    private readonly IWakeSignal _wake = WakeSignal.Create();
    private readonly Thread _thread;
    private readonly Stack<BlockJob> _free = new();
    private readonly HashSet<ulong> _inFlight = [];
    private readonly List<BlockJob> _batch = [];
    private readonly List<BlockJob> _finished = [];
    private readonly BlockSchedule _schedule = new();
    private readonly ResponseHold _hold;
    private readonly ThreadMeter _meter = new();
    private long _heldSince;
    private long _askedAt;
    private long _toldAt;
    private volatile int _guestsProcessor = -1;
    private volatile bool _isStopped;
    private bool _isGone;

    public BlockRing(BackendHost host, DiskImage disk, ReadOnlySpan<uint> frames, uint port)
    {
        (_host, _disk, _port) = (host, disk, port);
        _ring = new BackRing(host.Ram, frames, BlockRequest.Length);
        _ring.Resume();
        _intake = new BlockIntake(disk, host.Grants, host.Ram);
        _hold = new ResponseHold((int)_ring.Size);
        for (int i = 0; i < _ring.Size; i++)
        {
            _free.Push(new BlockJob());
        }

        _thread = new Thread(Serve) { Name = "block ring", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Processor time that the thread has used.</summary>
    public long ThreadNanoseconds => _meter.Nanoseconds;

    /// <summary>The guest has put requests into the ring.</summary>
    public void Notify()
    {
        // What was told first has waited longest.
        Interlocked.CompareExchange(ref _toldAt, Stopwatch.GetTimestamp(), 0);
        _guestsProcessor = HostThread.CurrentProcessor;
        _wake.Set();
    }

    /// <summary>Finishes what is under way.</summary>
    public void Dispose()
    {
        _isStopped = true;
        _wake.Set();
        _thread.Join();
        lock (_ring)
        {
            _isGone = true;
        }

        _wake.Dispose();
    }

    private void Serve()
    {
        // Not only where the guest was bound to when it connected.
        HostThread.BePunctual();
        _meter.Begin();
        ServeUntilStopped();
        _meter.End();
    }

    private void ServeUntilStopped()
    {
        while (!_isStopped)
        {
            if (!TryTakeBatch())
            {
                LetGo();
                return;
            }

            if (_batch.Count > 0)
            {
                _askedAt = Stopwatch.GetTimestamp();
                _schedule.Run(_batch, Perform);
                _batch.Clear();
            }

            if (Holds(HasRequests()))
            {
                Linger();
                continue;
            }

            AnswerFinished();
            if (!ComesSoon() && !HasMore())
            {
                _wake.Wait(DeadlineQueue.Never);
            }
        }

        AnswerFinished();
    }

    /// <summary>The guest ends: its pages are let go, and nothing is answered.</summary>
    private void LetGo()
    {
        foreach (BlockJob job in _batch.Concat(_finished))
        {
            _intake.Release(job);
        }
    }

    /// <summary>Lets a moment pass. Spinning would keep a guest that has been put on this processor from asking for what is waited for.</summary>
    private void Linger()
    {
        if (IsOnGuestsProcessor)
        {
            _wake.Wait(LingerNanoseconds);
        }
        else
        {
            Thread.SpinWait(20);
        }
    }

    private bool IsOnGuestsProcessor => HostThread.CurrentProcessor is >= 0 and int mine && mine == _guestsProcessor;

    /// <summary>Requests that are not answered yet. A glance from any thread.</summary>
    public uint InFlight => _ring.InFlight;

    private bool HasRequests()
    {
        lock (_ring)
        {
            return _ring.HasRequests;
        }
    }

    private bool HasMore()
    {
        lock (_ring)
        {
            return _ring.FinalCheck();
        }
    }

    /// <returns>False when the front end broke the ring: the guest is ended.</returns>
    private bool TryTakeBatch()
    {
        Span<byte> request = stackalloc byte[BlockRequest.Length];
        long told = Interlocked.Exchange(ref _toldAt, 0);
        long asked = told != 0 ? told : Stopwatch.GetTimestamp();
        while (true)
        {
            BlockJob job;
            lock (_ring)
            {
                switch (_ring.TryTake(request))
                {
                    case RingState.Empty:
                        return true;
                    case RingState.Overrun:
                        _host.Kill("its block ring: the request producer is further ahead than the ring has slots");
                        return false;
                }

                job = _free.Pop();
                if (!_inFlight.Add(MemoryMarshal.Read<BlockRequest>(request).Id))
                {
                    _host.Kill($"its block ring: request id {MemoryMarshal.Read<BlockRequest>(request).Id} is in flight twice");
                    return false;
                }
            }

            job.AskedAt = asked;
            if (_intake.TryAccept(request, job))
            {
                _batch.Add(job);
            }
            else
            {
                Answer([job]);
            }
        }
    }

    private void Perform(List<BlockRun> runs)
    {
        BlockRun first = runs[0];
        if (first.First.Action is BlockOperation.Read or BlockOperation.Write)
        {
            runs.ForEach(Place);
            _disk.TransferAll(runs, transfer => Complete((BlockRun)transfer));
            return;
        }

        first.Error = null;
        first.Began = Stopwatch.GetTimestamp();
        try
        {
            PerformAlone(first);
        }
        catch (IOException exception)
        {
            first.Error = exception;
        }

        Complete(first);
    }

    /// <exception cref="IOException">The host cannot do it.</exception>
    private void PerformAlone(BlockRun run)
    {
        switch (run.First.Action)
        {
            case BlockOperation.FlushDiskCache:
                _disk.Flush();
                break;
            case BlockOperation.Discard:
                _disk.Discard(run.First.Sector, run.First.SectorCount);
                break;
            case BlockOperation.WriteBarrier:
                _disk.Flush();
                if (run.Pieces > 0)
                {
                    Place(run);
                    _disk.Transfer(write: true, run.First.Sector, run.Vectors);
                    _disk.Flush();
                }

                break;
        }
    }

    /// <summary>Says where a run's bytes are, on the disk and in memory.</summary>
    private void Place(BlockRun run)
    {
        run.Reset(!run.First.WritesMemory, run.First.Sector * DiskImage.SectorSize);
        foreach (BlockJob job in run.Jobs)
        {
            foreach (BlockPiece piece in job.Pieces)
            {
                run.Add(new IoVector(_host.Ram.HostAddress(piece.Frame) + piece.Offset, piece.Length));
            }
        }
    }

    private void Complete(BlockRun run)
    {
        CountQueue(run);
        foreach (BlockJob job in run.Jobs)
        {
            job.Status = run.Error is null ? BlockStatus.Okay : BlockStatus.Error;
        }

        Finish(run.Jobs);
        if (!Holds(hasRequests: true))
        {
            AnswerFinished();
        }
    }

    private void CountQueue(BlockRun run)
    {
        if (_disk.Account is { } account)
        {
            foreach (BlockJob job in run.Jobs)
            {
                account.AddQueue((long)Stopwatch.GetElapsedTime(job.AskedAt, run.Began).TotalNanoseconds);
            }
        }
    }

    private bool Holds(bool hasRequests) => _hold.Holds(new HoldState(
        _finished.Count, hasRequests, !s_canLook || _host.IsGuestIdle(), Stopwatch.GetElapsedTime(_heldSince), Stopwatch.GetElapsedTime(_askedAt)));

    /// <summary>Pages that the processor has copies of code from are reported on its own thread before the guest hears of the transfer.</summary>
    private void Finish(List<BlockJob> run)
    {
        if (run[0].WritesMemory && _host.Ram.HoldsCode is { } holdsCode && run.Exists(job => job.Pieces.Exists(piece => holdsCode(piece.Frame))))
        {
            BlockJob[] jobs = [.. run];
            _host.Completions.Post(() =>
            {
                foreach (BlockPiece piece in jobs.SelectMany(job => job.Pieces))
                {
                    _host.Ram.StoredByDevice?.Invoke(new GuestPhysicalAddress(((ulong)piece.Frame << 12) + (uint)piece.Offset), piece.Length);
                }

                Answer(jobs);
            });
            return;
        }

        _heldSince = _finished.Count == 0 ? Stopwatch.GetTimestamp() : _heldSince;
        _finished.AddRange(run);
    }

    private void AnswerFinished()
    {
        if (_finished.Count > 0)
        {
            Answer(_finished);
            _finished.Clear();
        }
    }

    /// <summary>A guest that has been answered often asks again at once; waking up takes longer than that.</summary>
    /// <returns>Whether there are requests.</returns>
    private bool ComesSoon()
    {
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < s_patience && !_isStopped && !IsOnGuestsProcessor)
        {
            if (HasRequests())
            {
                return true;
            }

            Thread.SpinWait(20);
        }

        return false;
    }

    private void Answer(IEnumerable<BlockJob> jobs)
    {
        bool notify;
        lock (_ring)
        {
            foreach (BlockJob job in jobs)
            {
                _intake.Release(job);
                if (_isGone)
                {
                    continue;
                }

                _inFlight.Remove(job.Id);
                var response = new BlockResponse { Id = job.Id, Operation = job.Action, Status = job.Status };
                _ring.Put(MemoryMarshal.AsBytes(new ReadOnlySpan<BlockResponse>(in response)));
                _free.Push(job);
            }

            notify = !_isGone && _ring.Publish();
        }

        if (notify)
        {
            _host.Events.Raise(_port);
        }
    }
}
