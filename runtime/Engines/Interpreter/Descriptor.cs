// Segment and gate descriptors as they lie in a descriptor table.
namespace Runtime.Engines.Interpreter;

/// <summary>An 8-byte descriptor (SDM vol. 3, 3.4.5, 5.8.3, 6.11).</summary>
internal readonly record struct Descriptor(ulong Raw)
{
    public uint Low => (uint)Raw;

    public uint High => (uint)(Raw >> 32);

    public uint Base => Low >> 16 | (High & 0xFF) << 16 | High & 0xFF00_0000;

    public uint Limit
    {
        get
        {
            uint limit = Low & 0xFFFF | High & 0xF_0000;
            return (High & 0x80_0000) != 0 ? limit << 12 | 0xFFF : limit;
        }
    }

    public ushort Attributes => (ushort)(High >> 8 & 0xF0FF);

    public int Type => (int)(High >> 8 & 0xF);

    public bool IsSystem => (High & 0x1000) == 0;

    public bool IsCode => (High & 0x1800) == 0x1800;

    public bool IsData => (High & 0x1800) == 0x1000;

    public bool IsConforming => IsCode && (Type & 4) != 0;

    public bool IsReadable => !IsSystem && (!IsCode || (Type & 2) != 0);

    public bool IsWritableData => IsData && (Type & 2) != 0;

    public int Dpl => (int)(High >> 13 & 3);

    public bool IsPresent => (High & 0x8000) != 0;

    // Gates.
    public ushort GateSelector => (ushort)(Low >> 16);

    public uint GateOffset => Low & 0xFFFF | High & 0xFFFF_0000;

    public int GateParameters => (int)(High & 0x1F);

    public SegmentRegister ToRegister(ushort selector) => new(selector, Base, Limit, Attributes);
}

/// <summary>Types of system descriptors (SDM vol. 3, table 3-2).</summary>
internal static class SystemType
{
    public const int Tss16 = 1, Ldt = 2, BusyTss16 = 3, CallGate16 = 4, TaskGate = 5, InterruptGate16 = 6, TrapGate16 = 7;
    public const int Tss32 = 9, BusyTss32 = 11, CallGate32 = 12, InterruptGate32 = 14, TrapGate32 = 15;
}
