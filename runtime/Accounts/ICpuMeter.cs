namespace Runtime.Accounts;

/// <summary>Processor time that was used for a guest since it started, as the host's kernel measured it; in nanoseconds, never falling.</summary>
public readonly record struct CpuReading(long Guest, long Monitor, long Device)
{
    public long Used => Guest + Monitor + Device;
}

/// <summary>Reads it. For the thread of the guest's virtual processor.</summary>
public interface ICpuMeter
{
    CpuReading Read();
}
