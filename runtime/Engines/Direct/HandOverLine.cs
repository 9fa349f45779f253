using System.Runtime.InteropServices;

namespace Runtime.Engines.Direct;

/// <summary>The first cache line of a control block: all that a hypercall carries forth and back. <see cref="StubLayout"/> says what the fields
/// are. The stub's word: hostile.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct HandOverLine
{
    [FieldOffset(StubLayout.Gpr)]
    public GeneralRegisters Gpr;

    [FieldOffset(StubLayout.Eip)]
    public uint Eip;

    [FieldOffset(StubLayout.Cs)]
    public uint Cs;

    [FieldOffset(StubLayout.Eflags)]
    public uint Eflags;

    [FieldOffset(StubLayout.Turn)]
    public int Turn;

    [FieldOffset(StubLayout.Operation)]
    public uint Operation;

    [FieldOffset(StubLayout.ExitReason)]
    public int ExitReason;

    [FieldOffset(StubLayout.SiteIndex)]
    public uint SiteIndex;

    [FieldOffset(StubLayout.VirtualIf)]
    public uint VirtualIf;
}
