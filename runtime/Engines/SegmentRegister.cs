namespace Runtime.Engines;

/// <summary>Segment registers in the order of ModRM.reg (SDM vol. 2, table 2-2).</summary>
public enum SegmentIndex : byte
{
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

/// <summary>A segment register: the selector and the descriptor cache behind it (SDM vol. 3, 3.4.3).</summary>
/// <param name="Selector">As the guest loaded it.</param>
/// <param name="Base">Linear base.</param>
/// <param name="Limit">In bytes, granularity already applied.</param>
/// <param name="Attributes">Descriptor bits 40-55 shifted down: type 0-3, S 4, DPL 5-6, P 7, (limit 8-11 as zero), AVL 12, L 13, D/B 14, G 15.
/// 0 means unusable: a null selector was loaded.</param>
public record struct SegmentRegister(ushort Selector, uint Base, uint Limit, ushort Attributes)
{
    public readonly bool IsUsable => (Attributes & 0x80) != 0;

    public readonly int Type => Attributes & 0xF;

    /// <summary>S: code or data rather than a system segment.</summary>
    public readonly bool IsCodeOrData => (Attributes & 0x10) != 0;

    public readonly int Dpl => Attributes >> 5 & 3;

    /// <summary>D/B: 32-bit code, stack or upper bound.</summary>
    public readonly bool Is32Bit => (Attributes & 0x4000) != 0;

    public readonly bool IsFlat => IsUsable && Base == 0 && Limit == uint.MaxValue;
}

/// <summary>GDTR or IDTR.</summary>
public record struct TableRegister(uint Base, ushort Limit);
