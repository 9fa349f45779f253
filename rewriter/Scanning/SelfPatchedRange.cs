namespace Rewriter.Scanning;

/// <summary>By which of its mechanisms a kernel overwrites a place of its own code (Linux names).</summary>
public enum SelfPatchKind
{
    /// <summary>__jump_table: a NOP that becomes a JMP and back.</summary>
    JumpLabel,

    /// <summary>.altinstructions: replaced once at boot by what suits the processor.</summary>
    Alternative,

    /// <summary>.altinstr_replacement: never executed in place, copied over an <see cref="Alternative"/>.</summary>
    AlternativeSource,

    /// <summary>.parainstructions: an indirect call that becomes a direct one or an instruction.</summary>
    Paravirt,

    /// <summary>.static_call_sites, .static_call.text: a direct call or trampoline whose target changes.</summary>
    StaticCall,

    /// <summary>__mcount_loc: a call to the tracer, or the NOP in its place.</summary>
    Ftrace,

    /// <summary>.smp_locks: a LOCK prefix that becomes a DS prefix on one processor.</summary>
    SmpLock,

    /// <summary>.retpoline_sites, .return_sites: indirect jumps and returns that are rewritten at boot.</summary>
    Thunk,
}

/// <summary>Bytes that the kernel itself overwrites or compares: never to be displaced or overwritten by a patch.</summary>
public readonly record struct SelfPatchedRange(ulong Start, int Length, SelfPatchKind Kind)
{
    public ulong End => Start + (ulong)Length;
}
