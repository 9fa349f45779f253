using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>Where a disk's bytes are. Safe from several threads, which do not touch the same bytes at once.</summary>
internal interface IDiskContents : IDisposable
{
    /// <summary>Bytes.</summary>
    long Length { get; }

    /// <summary>Whether bytes can be forgotten.</summary>
    bool CanDiscard { get; }

    /// <summary>Reads or writes a run of bytes to or from pieces of memory, all of it. Behind the end it reads zeros.</summary>
    /// <param name="vectors">Memory that stays where it is meanwhile. Changed.</param>
    /// <exception cref="IOException">The host cannot do it.</exception>
    void Transfer(bool write, long offset, Span<IoVector> vectors);

    /// <summary>Does several transfers, in any order, and together with what others ask of the same file where that is next to it. An error is noted in
    /// the transfer that it happened to.</summary>
    /// <param name="transfers">Those that write touch no bytes of the others.</param>
    /// <param name="done">Told of each, on this thread.</param>
    void TransferAll(IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done) => DiskTransfer.PerformEach(this, transfers, done);

    /// <summary>Returns when everything that was written before is on the host's disk.</summary>
    /// <exception cref="IOException">The host cannot do so: what was written may be lost.</exception>
    void Synchronize();

    /// <summary>Processor time of threads that work for it, in nanoseconds. Any thread.</summary>
    long ThreadNanoseconds => 0;

    /// <summary>Forgets bytes: they read as zeros afterwards, or as before where the host cannot do it.</summary>
    void Discard(long offset, long length);
}
