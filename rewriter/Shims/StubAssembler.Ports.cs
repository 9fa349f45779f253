// Stubs for ports whose writes may wait until the guest leaves for another reason: nothing that the guest can see depends on when they happen.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

public sealed partial class StubAssembler
{
    /// <summary>Command and mask register of the 8259A pair (PC/AT), and the port that self-test codes go to.</summary>
    private const byte MasterCommand = 0x20, MasterMask = 0x21, SlaveCommand = 0xA0, SlaveMask = 0xA1, Post = 0x80;

    /// <summary>Whether writes to a port can be posted: end of interrupt, masks, self-test codes.</summary>
    public static bool CanPost(byte port) => port is MasterCommand or MasterMask or SlaveCommand or SlaveMask or Post;

    /// <summary>Whether reads of a port can be served from <see cref="MonitorWindow.Data.InterruptMasks"/>.</summary>
    public static bool IsInterruptMask(byte port) => port is MasterMask or SlaveMask;

    /// <summary>OUT imm8, AL to a port of <see cref="CanPost"/>: queued while the monitor leaves room, which it does while no interrupt
    /// request waits. Of the commands only end of interrupt (OCW2: bits 3 and 4 clear, 8259A) is. ECX and EAX are kept in scratch 0 and 1;
    /// flags are not touched.
    /// <code>
    ///   mov ss:[S0], ecx
    ///   mov ecx, ss:[PostRoom] ; jecxz leave
    ///   (commands: ecx = bits 3 and 4 of AL ; jecxz plain ; jmp leave)
    /// plain:
    ///   mov ecx, ss:[PostRoom] ; lea ecx, [ecx-1] ; mov ss:[PostRoom], ecx
    ///   mov dword ss:[ecx*4+PostQueue], port ; mov ss:[ecx*4+PostQueue+1], al
    ///   (masks: mov ss:[InterruptMasks+n], al)
    ///   mov ecx, ss:[S0] ; jmp done
    /// leave:
    ///   mov ecx, ss:[S0] ; (gate)
    /// done:
    /// </code></summary>
    public void EmitPostedWrite(byte port, int siteIndex)
    {
        Label leave = c.CreateLabel(), done = c.CreateLabel();
        c.mov(Scratch(0), ecx);
        c.mov(ecx, Window(MonitorWindow.Data.PostRoom));
        c.jecxz(leave);
        if (port is MasterCommand or SlaveCommand)
        {
            Label plain = c.CreateLabel();
            // Without a shift, which would change flags: up by five, a byte down, and what is above bit 7 cut off at bits 3 and 4.
            c.movzx(ecx, al);
            c.lea(ecx, __[ecx * 8]);
            c.lea(ecx, __[ecx * 4]);
            c.mov(Scratch(1), ecx);
            c.movzx(ecx, ScratchByte(1, 1));
            c.lea(ecx, __[ecx * 8]);
            c.lea(ecx, __[ecx * 8]);
            c.movzx(ecx, cl);
            c.jecxz(plain);
            c.jmp(leave);
            c.Label(ref plain);
            c.mov(ecx, Window(MonitorWindow.Data.PostRoom));
        }

        c.lea(ecx, __[ecx - 1]);
        c.mov(Window(MonitorWindow.Data.PostRoom), ecx);
        c.mov(__dword_ptr.ss[(ecx * 4) + (windowBase + MonitorWindow.Data.PostQueue)], port);
        c.mov(__byte_ptr.ss[(ecx * 4) + (windowBase + MonitorWindow.Data.PostQueue + 1)], al);
        if (IsInterruptMask(port))
            c.mov(MaskOf(port), al);
        c.mov(ecx, Scratch(0));
        c.jmp(done);
        c.Label(ref leave);
        c.mov(ecx, Scratch(0));
        EmitGate(siteIndex);
        c.Label(ref done);
        c.nop(); // what follows may want a label of its own
    }

    /// <summary>IN AL, imm8 of a mask register, while writes may be posted. ECX is kept in scratch 0.
    /// <code>
    ///   mov ss:[S0], ecx
    ///   mov ecx, ss:[PostRoom] ; jecxz leave
    ///   mov al, ss:[InterruptMasks+n]
    ///   mov ecx, ss:[S0] ; jmp done
    /// leave:
    ///   mov ecx, ss:[S0] ; (gate)
    /// done:
    /// </code></summary>
    public void EmitReadInterruptMask(byte port, int siteIndex)
    {
        Label leave = c.CreateLabel(), done = c.CreateLabel();
        c.mov(Scratch(0), ecx);
        c.mov(ecx, Window(MonitorWindow.Data.PostRoom));
        c.jecxz(leave);
        c.mov(al, MaskOf(port));
        c.mov(ecx, Scratch(0));
        c.jmp(done);
        c.Label(ref leave);
        c.mov(ecx, Scratch(0));
        EmitGate(siteIndex);
        c.Label(ref done);
        c.nop(); // what follows may want a label of its own
    }

    private AssemblerMemoryOperand MaskOf(byte port)
        => __byte_ptr.ss[windowBase + MonitorWindow.Data.InterruptMasks + (port == MasterMask ? 0u : 1)];

    private AssemblerMemoryOperand ScratchByte(int slot, int offset)
        => __byte_ptr.ss[windowBase + MonitorWindow.Data.Scratch + (4 * (uint)slot) + (uint)offset];
}
