using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of hvm_op (public/hvm/hvm_op.h).</summary>
public enum HvmOperation : uint
{
    SetParameter = 0,
    GetParameter = 1,
    PagetableDying = 9,
    GetTime = 10,
}

/// <summary>HVM_PARAM_* (public/hvm/params.h).</summary>
public enum HvmParameter : uint
{
    CallbackIrq = 0,
    StoreFrame = 1,
    StoreEventChannel = 2,
    ConsoleFrame = 17,
    ConsoleEventChannel = 18,
}

[StructLayout(LayoutKind.Sequential)]
public struct HvmParameterArguments
{
    public ushort Domain;
    public ushort Padding;
    public HvmParameter Index;
    public ulong Value;
}

/// <summary>How the guest wants to be told of events: the type in bits 63:56 of <see cref="HvmParameter.CallbackIrq"/>.</summary>
public enum CallbackType : byte
{
    /// <summary>A line of the interrupt controller, its number in the low bits. 0 altogether: none.</summary>
    Gsi = 0,

    /// <summary>A PCI function's interrupt pin: bus 31:16, device and function 15:8, pin 1:0.</summary>
    PciPin = 1,

    /// <summary>An interrupt vector, in bits 7:0, injected without any controller.</summary>
    Vector = 2,
}
