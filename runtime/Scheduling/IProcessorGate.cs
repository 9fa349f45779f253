namespace Runtime.Scheduling;

/// <summary>What a virtual processor asks before it runs: whether it has a processor of the host. For its own thread, all but
/// <see cref="MustYield"/>, which is cheap.</summary>
public interface IProcessorGate
{
    /// <summary>The processor is wanted back; the engine is kicked when this becomes true.</summary>
    bool MustYield { get; }

    /// <summary>How long it has waited for a processor, or had one that the host used for something else; in nanoseconds. Never falls.</summary>
    long WaitedNanoseconds { get; }

    /// <summary>There is something to run: waits for a processor. Returns without one when the machine has ended.</summary>
    void Enter();

    /// <summary>Gives the processor to whoever is due, and waits for it to come back.</summary>
    void Yield();

    /// <summary>There is nothing to run: gives the processor up.</summary>
    void Block();
}

/// <summary>A machine that has the host for itself, as far as it is concerned.</summary>
public sealed class OpenGate : IProcessorGate
{
    public bool MustYield => false;

    public long WaitedNanoseconds => 0;

    public void Enter()
    {
    }

    public void Yield()
    {
    }

    public void Block()
    {
    }
}
