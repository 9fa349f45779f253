namespace Runtime.Abi.Shims;

/// <summary>Segment registers in the order of ModRM.reg (SDM vol. 2, table 2-2).</summary>
public enum SegmentName
{
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}
