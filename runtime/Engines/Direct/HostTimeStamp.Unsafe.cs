// The host's time-stamp counter. .NET offers no RDTSC, so ten bytes of machine code are mapped and called.
using System.Runtime.InteropServices;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Interpreter;

namespace Runtime.Engines.Direct;

/// <summary>Reads the counter that the guest's own RDTSC reads when it runs natively.</summary>
internal sealed unsafe class HostTimeStamp : ITimeStamp
{
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read;

    public HostTimeStamp()
    {
        // rdtsc; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> code = [0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];
        // SAFETY: the code follows the System V calling convention; the page is never unmapped.
        _read = (delegate* unmanaged[SuppressGCTransition]<ulong>)LinuxHost.MapCode(code);
    }

    public ulong Read() => _read();
}
