namespace Runtime.Hosting;

/// <summary>How much of the host's memory has to be kept for one guest. A limit can be lowered at once, the guest comes down to it only as its balloon
/// gives pages back; what it has given back it does not get again.</summary>
/// <param name="limit">In bytes, like everything here.</param>
internal sealed class MemoryAllowance(ulong limit)
{
    /// <summary>What it is to come down to, or may grow to.</summary>
    public ulong Limit { get; private set; } = limit;

    /// <summary>What it may hold now: more than the limit only while it is coming down.</summary>
    public ulong Bytes { get; private set; } = limit;

    /// <param name="owned">What the guest's balloon has left to it now.</param>
    public void Set(ulong limit, ulong owned)
    {
        Limit = limit;
        Note(owned);
    }

    /// <summary>The guest's balloon has left so much to it.</summary>
    public void Note(ulong owned) => Bytes = Math.Max(Limit, Math.Min(Bytes, owned));
}
