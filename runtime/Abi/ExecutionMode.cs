namespace Runtime.Abi;

/// <summary>The three virtualization techniques that one kernel binary can be run under.</summary>
public enum ExecutionMode
{
    /// <summary>Nothing is patched; what does not trap by itself goes wrong.</summary>
    Trap,

    /// <summary>What fails silently in ring 3 is patched into something that traps.</summary>
    Full,

    /// <summary>Every sensitive site is replaced by a shim, inline where no exit is needed, an explicit hypercall where one is.</summary>
    Para,
}
