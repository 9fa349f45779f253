namespace Runtime.Abi.Xen;

/// <summary>Offsets in <c>struct shared_info</c> of a 32-bit guest (public/xen.h; arch-x86/xen.h). Bits and bytes in it are changed atomically by
/// both sides, one at a time, which is why this is a list of places and not a structure that is copied.</summary>
public static class SharedInfoLayout
{
    public const int Length = 4096;

    /// <summary>Event channels of the two-level ABI: 32 words of 32 bits.</summary>
    public const int PortCount = 1024;
    public const int BitsPerWord = 32;
    public const int WordCount = PortCount / BitsPerWord;

    public const int VcpuInfoLength = 64;
    public const int VcpuInfo0 = 0;
    public const int Pending = 0x800;
    public const int Mask = 0x880;

    // Wall clock at system time 0, guarded by a version that is odd while it changes.
    public const int WallClockVersion = 0x900;
    public const int WallClockSeconds = 0x904;
    public const int WallClockNanoseconds = 0x908;

    // In struct vcpu_info.
    public const int UpcallPending = 0;
    public const int UpcallMask = 1;
    public const int PendingSelector = 4;
    public const int Time = 32;
}

/// <summary><c>struct vcpu_time_info</c>, 32 bytes: system time is SystemTime + ((tsc - TscTimestamp) &lt;&lt; TscShift) * TscToSystemMultiplier / 2^32.</summary>
public static class VcpuTimeLayout
{
    public const int Version = 0;
    public const int TscTimestamp = 8;
    public const int SystemTime = 16;
    public const int TscToSystemMultiplier = 24;
    public const int TscShift = 28;
    public const int Flags = 29;
    public const int Length = 32;

    /// <summary>XEN_PVCLOCK_TSC_STABLE_BIT: all processors' counters are one.</summary>
    public const uint StableTimeStamp = 1;
}
