using Runtime.Engines;

namespace Tests.Machine;

/// <summary>An engine without a processor: it returns the exits that a test wrote down and remembers what it was told.</summary>
internal sealed class ScriptedEngine(params VmExit[] exits) : IExecutionEngine
{
    private readonly Queue<VmExit> _exits = new(exits);

    public VcpuState State { get; } = new() { Eip = 0x1234 };

    public List<uint> ReadValues { get; } = [];

    public List<byte> Interrupts { get; } = [];

    public List<bool> WindowRequests { get; } = [];

    /// <summary>Done before each exit is returned, with its number from 0.</summary>
    public Action<int>? BeforeExit { get; init; }

    public VmExit Run(bool wantInterruptWindow)
    {
        BeforeExit?.Invoke(WindowRequests.Count);
        WindowRequests.Add(wantInterruptWindow);
        return _exits.Dequeue();
    }

    public void CompletePortRead(uint value) => ReadValues.Add(value);

    public void Interrupt(byte vector) => Interrupts.Add(vector);

    public void InterruptNonMaskable() => State.NonMaskableBlocked = true;

    public void Kick()
    {
    }

    public void Dispose()
    {
    }
}
