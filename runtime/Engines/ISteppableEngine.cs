namespace Runtime.Engines;

/// <summary>An engine that another one can be compared with: it stops often, and can be moved one instruction at a time.</summary>
public interface ISteppableEngine : IExecutionEngine
{
    /// <summary>Whether <see cref="IExecutionEngine.Run"/> returns <see cref="VmExitReason.None"/> after each exit that the engine settles by itself
    /// too. The state is between two instructions then.</summary>
    bool ReturnsAtEachExit { get; set; }

    /// <summary>Makes <see cref="VcpuState.Fx"/> current.</summary>
    void StoreFpu();

    /// <summary>Executes the next instruction in the engine's own way, or only prepares to: then the state is as before.</summary>
    VmExit Step();

    /// <summary>Executes the next instruction by interpreting it.</summary>
    VmExit Interpret();

    /// <summary>State and RAM were changed behind its back: nothing derived from them holds any more.</summary>
    void Forget();
}
