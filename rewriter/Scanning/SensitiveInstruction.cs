using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>What happens when the instruction runs in ring 3 on bare hardware.</summary>
public enum SensitivityClass
{
    /// <summary>It does not trap, and does or shows something else than in ring 0 (Robin and Irvine, 2000).</summary>
    Silent,

    /// <summary>It raises an exception by itself.</summary>
    Trapping,

    /// <summary>It works, and shows the host: CPUID, RDTSC, RDRAND …</summary>
    Leaking,

    /// <summary>Not sensitive by itself: the first instruction of a function that a shim pack stands in for.</summary>
    Replaced,
}

/// <summary>How sure the scanner is that the bytes are an instruction that the kernel executes.</summary>
public enum SiteConfidence
{
    /// <summary>Only a linear sweep sees it, or it is not executed here but copied from here: never patched offline.</summary>
    Low,

    /// <summary>In a code-only section whose sweep never loses step, not reached by descent.</summary>
    Medium,

    /// <summary>Reached by recursive descent from an entry point, a symbol, a relocation or a table.</summary>
    High,
}

/// <summary>A sensitive site: a fact about the image.</summary>
/// <param name="Instruction">Decoded with IP = its linked virtual address.</param>
/// <param name="Code">Its original bytes.</param>
public sealed record SensitiveInstruction(Instruction Instruction, ReadOnlyMemory<byte> Code, SensitivityClass Class,
    SiteConfidence Confidence, string Section, string? Symbol)
{
    public ulong Address => Instruction.IP;
}
