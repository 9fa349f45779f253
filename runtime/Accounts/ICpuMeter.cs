namespace Runtime.Accounts;

/// <summary>Processor time that was used for a guest since it started, as the host's kernel measured it; in nanoseconds, never falling.</summary>
/// <param name="Device">Device models, on the thread of the virtual processor.</param>
/// <param name="Backend">Back ends on threads of their own, beside the virtual processor or while it sleeps.</param>
public readonly record struct CpuReading(long Guest, long Monitor, long Device, long Backend = 0);

/// <summary>Reads it. For the thread of the guest's virtual processor.</summary>
public interface ICpuMeter
{
    CpuReading Read();
}
