// What a guest that knows its hypervisor uses: VMCALL (SDM vol. 3, 30.3; AMD's VMMCALL does the same), the MSR that fills the hypercall page, and
// the guest's linear memory as hypercall arguments name it.
using Iced.Intel;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const uint FrameMask = 0xFFF;

    /// <summary>Copies guest memory at a linear address, as the guest's kernel could read it.</summary>
    /// <returns>False when a page of it is not there; nothing is delivered to the guest.</returns>
    public bool TryCopyFromGuest(uint linear, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            int length = Math.Min(into.Length, (int)(0x1000 - (linear & FrameMask)));
            if (!TryTranslate(linear, AccessKind.Read, false, out PageTranslation page, out _) || !_memory.Contains(new GuestPhysicalAddress(page.Physical), (uint)length))
            {
                return false;
            }

            _memory.Slice(new GuestPhysicalAddress(page.Physical), length).CopyTo(into);
            into = into[length..];
            linear += (uint)length;
        }

        return true;
    }

    /// <summary>Writes guest memory at a linear address, as the guest's kernel could; all of it or nothing.</summary>
    public bool TryCopyToGuest(uint linear, ReadOnlySpan<byte> from)
    {
        for (long at = linear & ~FrameMask; at < (long)linear + from.Length; at += 0x1000)
        {
            if (!TryTranslate((uint)at, AccessKind.Write, false, out PageTranslation page, out _) || !_memory.Contains(new GuestPhysicalAddress(page.Physical), 1))
            {
                return false;
            }
        }

        while (!from.IsEmpty)
        {
            int length = Math.Min(from.Length, (int)(0x1000 - (linear & FrameMask)));
            TryTranslate(linear, AccessKind.Write, false, out PageTranslation page, out _);
            WriteBytes(page.Physical, from[..length]);
            from = from[length..];
            linear += (uint)length;
        }

        return true;
    }

    /// <summary>After page tables were changed by a hypercall, or CR3: as a load of CR3, global pages included.</summary>
    public void FlushTranslations()
    {
        FlushTlb();
        Observer?.TlbFlushed(true);
    }

    private void RegisterHypervisorInterface()
    {
        if (_model.HasXen)
        {
            _handlers.On(Mnemonic.Vmcall, _ => TryHypercall());
            _handlers.On(Mnemonic.Vmmcall, _ => TryHypercall());
        }
    }

    /// <summary>The instruction is done when the run loop sees it. Only a guest's kernel may (Xen: hvm_hypercall, -EPERM otherwise).</summary>
    private bool TryHypercall()
    {
        if (_state.Cpl != 0)
        {
            Gpr(VcpuState.Eax) = unchecked((uint)-(int)XenError.NotPermitted);
            return true;
        }

        return RetireAndExit(new VmExit(VmExitReason.XenHypercall));
    }

    /// <summary>WRMSR to the hypercall-page register: which of the pages (there is one) in the low bits, where in the others.</summary>
    private bool TryFillHypercallPage(ulong value)
    {
        ulong address = value & ~0xFFFul;
        if ((value & FrameMask) != 0 || !_memory.Contains(new GuestPhysicalAddress(address), HypercallPage.Length))
        {
            return GeneralProtection();
        }

        Span<byte> page = stackalloc byte[HypercallPage.Length];
        HypercallPage.Write(page);
        WriteBytes(address, page);
        return true;
    }

    /// <summary>Writes bytes of one frame and reports that, once.</summary>
    private void WriteBytes(ulong physical, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(physical), bytes.Length));
        if (FrameFlags is { } flags)
        {
            ReportWrite(flags, physical, bytes.Length);
        }
    }
}
