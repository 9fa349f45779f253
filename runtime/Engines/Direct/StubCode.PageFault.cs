// The stub's part in page faults: it asks the guest's own tables whether anything is at an address, and has the switcher deliver what is not.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Runtime.Engines.Direct;

internal sealed partial class StubEmitter
{
    /// <summary>
    /// A page fault of the guest's user that its own page tables refuse, because nothing is there, is its kernel's alone: the switcher delivers it.
    /// Everything else goes on at faultSlow with rdi and rdx as they are here. Nothing of the guest is changed before that is decided.
    /// </summary>
    private void EmitPageFault()
    {
        const uint presentReservedFetchOrKey = 0x39; // page-fault error code, SDM vol. 3, 4.7
        Label deliver = a.CreateLabel(), pae = a.CreateLabel();
        a.cmp(edi, StubSignals.Segv);
        a.jne(_faultSlow);
        a.cmp(Dword(StubLayout.PagingFormat), StubLayout.NoTables);
        a.je(_faultSlow);
        a.cmp(__dword_ptr[rdx + UcTrapno], PageFaultTrap);
        a.jne(_faultSlow);
        a.test(__dword_ptr[rdx + UcErr], presentReservedFetchOrKey);
        a.jne(_faultSlow);
        a.cmp(__word_ptr[rdx + UcCs], HostSegments.FlatCode);
        a.jne(_faultSlow);
        a.mov(r10d, Dword(StubLayout.WindowBase));
        foreach ((AssemblerRegister64 address, AssemblerRegister32 low, int offset) in new[] { (r8, r8d, UcRip), (r9, r9d, UcCr2) })
        {
            // Below 4 GiB and not in the window.
            a.mov(address, __qword_ptr[rdx + offset]);
            a.mov(rax, address);
            a.shr(rax, 32);
            a.jne(_faultSlow);
            a.mov(eax, low);
            a.sub(eax, r10d);
            a.cmp(eax, MonitorWindow.Size);
            a.jb(_faultSlow);
        }

        a.mov(r14, rdx);
        a.mov(eax, Dword(StubLayout.KernelPkru));
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.wrpkru();
        a.cmp(__dword_ptr[r10 + (int)MonitorWindow.Data.Cpl], 3);
        a.jne(_faultBack);
        a.cmp(__dword_ptr[r10 + (int)SwitcherLayout.FaultArmed], 0);
        a.je(_faultBack);
        EmitWalk(deliver, pae);

        a.Label(ref deliver);
        a.mov(__dword_ptr[r10 + (int)MonitorWindow.Data.Cr2], r9d);
        a.mov(__dword_ptr[r10 + (int)SwitcherLayout.FaultAddress], r9d);
        a.mov(__dword_ptr[r10 + (int)SwitcherLayout.FaultEip], r8d);
        a.mov(eax, __dword_ptr[r14 + UcErr]);
        a.and(eax, 2);
        a.or(eax, 4);
        a.mov(__dword_ptr[r10 + (int)SwitcherLayout.FaultError], eax);
        a.mov(__dword_ptr[r10 + (int)SwitcherLayout.ReturnWanted], SwitcherLayout.FaultUnseen);
        foreach ((int from, uint to) in new[]
        {
            (UcRax, SwitcherLayout.UserEax), (UcRcx, SwitcherLayout.UserEcx), (UcRdx, SwitcherLayout.UserEdx), (UcRbx, SwitcherLayout.UserEbx),
            (UcRsp, SwitcherLayout.UserEsp), (UcEflags, SwitcherLayout.UserFlags),
        })
        {
            a.mov(eax, __dword_ptr[r14 + from]);
            a.mov(__dword_ptr[r10 + (int)to], eax);
        }

        // The signal has taken the FPU registers and SS.
        a.mov(rcx, __qword_ptr[r14 + UcFpstate]);
        a.mov(eax, StubLayout.XsaveMask);
        a.xor(edx, edx);
        a.xrstor(__[rcx]);
        a.movzx(eax, __word_ptr[r14 + UcSs]);
        a.mov(ss, eax);
        a.mov(ebp, __dword_ptr[r14 + UcRbp]);
        a.mov(esi, __dword_ptr[r14 + UcRsi]);
        a.mov(edi, __dword_ptr[r14 + UcRdi]);
        a.lea(eax, __[r10 + (int)MonitorWindow.FaultOffset]);
        a.mov(Dword(StubLayout.Eip), eax);
        a.mov(Dword(StubLayout.Cs), HostSegments.FlatCode);
        a.Label(ref _faultCritical);
        a.cmp(Dword(StubLayout.KickPending), 0);
        a.jne(_faultBack);
        a.jmp(__fword_ptr[Control + StubLayout.Eip]);
        a.Label(ref _faultCriticalEnd);
        a.nop();
        a.Label(ref _faultBack);
        a.mov(rdx, r14);
        a.mov(edi, StubSignals.Segv);
    }

    /// <summary>Goes to <paramref name="deliver"/> when the guest's tables say that nothing is at the linear address in r9d, else to faultBack. A large
    /// page is something. Entries outside RAM, and what the processor keeps elsewhere (PDPTEs), are the monitor's business.</summary>
    private void EmitWalk(Label deliver, Label pae)
    {
        const int large = 0x80;
        a.mov(rbx, StubLayout.RamAddress);
        a.mov(ecx, Dword(StubLayout.PagingRoot));
        a.cmp(Dword(StubLayout.PagingFormat), StubLayout.TablesPae);
        a.je(pae);
        a.mov(eax, r9d);
        a.shr(eax, 22);
        EmitEntry(4);
        a.test(al, 1);
        a.je(deliver);
        a.test(al, large);
        a.jne(_faultBack);
        a.and(eax, -4096);
        a.mov(ecx, eax);
        a.mov(eax, r9d);
        a.shr(eax, 12);
        a.and(eax, 1023);
        EmitEntry(4);
        a.test(al, 1);
        a.je(deliver);
        a.jmp(_faultBack);

        a.Label(ref pae);
        a.mov(eax, r9d);
        a.shr(eax, 30);
        EmitEntry(8);
        a.test(al, 1);
        a.je(_faultBack);
        foreach (byte shift in new byte[] { 21, 12 })
        {
            // Physical addresses have 36 bits at most.
            a.mov(rcx, 0xF_FFFF_F000);
            a.and(rcx, rax);
            a.mov(eax, r9d);
            a.shr(eax, shift);
            a.and(eax, 511);
            EmitEntry(8);
            a.test(al, 1);
            a.je(deliver);
            if (shift == 21)
            {
                a.test(al, large);
                a.jne(_faultBack);
            }
        }

        a.jmp(_faultBack);
    }

    /// <summary>The entry with the index in rax of the table at guest-physical rcx, to rax. Clobbers rdx.</summary>
    private void EmitEntry(int size)
    {
        a.lea(rcx, __[rcx + (rax * size)]);
        a.mov(rdx, rcx);
        a.shr(rdx, 12);
        a.mov(eax, Dword(StubLayout.RamFrames));
        a.cmp(rdx, rax);
        a.jae(_faultBack);
        if (size == 8)
        {
            a.mov(rax, __qword_ptr[rbx + rcx]);
        }
        else
        {
            a.mov(eax, __dword_ptr[rbx + rcx]);
        }
    }
}
