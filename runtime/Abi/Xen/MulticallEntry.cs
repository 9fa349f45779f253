using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>struct multicall_entry of a 32-bit guest, 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MulticallEntry
{
    public uint Operation;
    public int Result;
    public uint First;
    public uint Second;
    public uint Third;
    public uint Fourth;
    public uint Fifth;
    public uint Unused;
}
