// The guest's processor as the guest sees it. The monitor owns this copy; what machine code shares with the monitor
// (stub context, monitor window) is copied from and to it at each entry and exit, and validated on the way in.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Runtime.Engines;

/// <summary>EAX ECX EDX EBX ESP EBP ESI EDI, in the order of ModRM (SDM vol. 2, table 2-2).</summary>
[InlineArray(8)]
public struct GeneralRegisters
{
    private uint _first;
}

/// <summary>The six segment registers, indexed by <see cref="SegmentIndex"/>.</summary>
[InlineArray(6)]
public struct SegmentRegisters
{
    private SegmentRegister _first;
}

/// <summary>DR0-DR3.</summary>
[InlineArray(4)]
public struct BreakpointAddresses
{
    private uint _first;
}

/// <summary>What system software sets up and most code leaves alone, in one piece: whoever keeps something derived from it compares it
/// with what it was.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SystemRegisters
{
    public SegmentRegisters Segments;
    public SegmentRegister Ldtr;
    public SegmentRegister Tr;
    public TableRegister Gdtr;
    public TableRegister Idtr;
    public uint Cr0;
    public uint Cr2;
    public uint Cr3;
    public uint Cr4;

    /// <summary>Guest TSC minus host TSC.</summary>
    public long TscOffset;

    /// <summary>The current privilege level, kept apart from CS.RPL because real mode and v86 have none.</summary>
    public byte Cpl;

    /// <summary>Whether two are alike in all bits. May say no where only padding differs.</summary>
    public static bool AreSame(ref readonly SystemRegisters left, ref readonly SystemRegisters right)
        => MemoryMarshal.AsBytes(new ReadOnlySpan<SystemRegisters>(in left)).SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<SystemRegisters>(in right)));
}

/// <summary>Architectural state of one IA-32 virtual processor.</summary>
public sealed class VcpuState
{
    public const int Eax = 0, Ecx = 1, Edx = 2, Ebx = 3, Esp = 4, Ebp = 5, Esi = 6, Edi = 7;

    public GeneralRegisters Gpr;
    public uint Eip;

    /// <summary>All of EFLAGS, the virtual IF and IOPL included; bit 1 always set.</summary>
    public uint Eflags = 2;

    public SystemRegisters SystemRegisters = new() { Cr0 = ControlRegisters.Cr0Et };

    public BreakpointAddresses Dr;
    public uint Dr6 = 0xFFFF_0FF0;
    public uint Dr7 = 0x400;

    /// <summary>IA32_EFER; only NXE means something to an IA-32 guest with PAE.</summary>
    public ulong Efer;
    public uint SysenterCs;
    public uint SysenterEsp;
    public uint SysenterEip;

    /// <summary>x87, MMX and SSE state as FXSAVE stores it (SDM vol. 1, table 10-2), 512 bytes.</summary>
    public readonly byte[] Fx = new byte[512];

    /// <summary>The instruction just executed (STI, MOV SS, POP SS) holds off interrupts until the next one is done (SDM vol. 3, 6.8.3).</summary>
    public bool InterruptShadow;

    /// <summary>An NMI was delivered and no IRET has been executed since.</summary>
    public bool NonMaskableBlocked;

    public ref SegmentRegisters Segments => ref SystemRegisters.Segments;

    public ref SegmentRegister Ldtr => ref SystemRegisters.Ldtr;

    public ref SegmentRegister Tr => ref SystemRegisters.Tr;

    public ref TableRegister Gdtr => ref SystemRegisters.Gdtr;

    public ref TableRegister Idtr => ref SystemRegisters.Idtr;

    public ref uint Cr0 => ref SystemRegisters.Cr0;

    public ref uint Cr2 => ref SystemRegisters.Cr2;

    public ref uint Cr3 => ref SystemRegisters.Cr3;

    public ref uint Cr4 => ref SystemRegisters.Cr4;

    public ref long TscOffset => ref SystemRegisters.TscOffset;

    public ref byte Cpl => ref SystemRegisters.Cpl;

    public bool InterruptsEnabled
    {
        get => (Eflags & FlagBits.If) != 0;
        set => Eflags = value ? Eflags | FlagBits.If : Eflags & ~FlagBits.If;
    }

    public bool PagingEnabled => (Cr0 & ControlRegisters.Cr0Pg) != 0;

    public bool ProtectedMode => (Cr0 & ControlRegisters.Cr0Pe) != 0;

    public bool Virtual8086 => (Eflags & FlagBits.Vm) != 0;

    /// <summary>Makes another processor's state the same.</summary>
    public void CopyTo(VcpuState other)
    {
        (other.Gpr, other.Eip, other.Eflags, other.SystemRegisters, other.Dr, other.Dr6, other.Dr7) = (Gpr, Eip, Eflags, SystemRegisters, Dr, Dr6, Dr7);
        other.NonMaskableBlocked = NonMaskableBlocked;
        (other.Efer, other.SysenterCs, other.SysenterEsp, other.SysenterEip, other.InterruptShadow) = (Efer, SysenterCs, SysenterEsp, SysenterEip, InterruptShadow);
        Fx.CopyTo(other.Fx, 0);
    }

    public override string ToString()
        => $"eip={Eip:x8} eflags={Eflags:x8} cpl={Cpl} eax={Gpr[0]:x8} ecx={Gpr[1]:x8} edx={Gpr[2]:x8} ebx={Gpr[3]:x8} "
            + $"esp={Gpr[4]:x8} ebp={Gpr[5]:x8} esi={Gpr[6]:x8} edi={Gpr[7]:x8} cr0={Cr0:x8} cr2={Cr2:x8} cr3={Cr3:x8} cr4={Cr4:x8}";
}
