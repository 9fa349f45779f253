// Stubs for the instructions that read or write the interrupt flag.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

public sealed partial class StubAssembler
{
    private const uint If = 0x200;
    private const uint Iopl = 0x3000;

    // TF NT RF VM AC VIF VIP: bits that mean more than a flag, or mean something else in ring 3. A POPF that has one set leaves by the
    // gate.
    private const uint Special = 0x1F_4100;

    /// <summary><code>
    ///   mov dword ss:[VirtualIf], 0
    /// </code></summary>
    public void EmitCli() => c.mov(Window(MonitorWindow.Data.VirtualIf), 0);

    /// <summary>Sets the virtual IF unless an event waits for that; then nothing has changed yet and the monitor performs the STI.
    /// ECX is kept in scratch 0.
    /// <code>
    ///   mov ss:[S0], ecx
    ///   mov ecx, ss:[EventPending]
    ///   jecxz quiet
    ///   mov ecx, ss:[S0]
    ///   (gate)
    /// quiet:
    ///   mov dword ss:[VirtualIf], 200h
    ///   mov ecx, ss:[S0]
    /// </code></summary>
    public void EmitSti(int siteIndex)
    {
        Label quiet = c.CreateLabel();
        c.mov(Scratch(0), ecx);
        c.mov(ecx, Window(MonitorWindow.Data.EventPending)); // JECXZ is the test that leaves the flags alone
        c.jecxz(quiet);
        c.mov(ecx, Scratch(0));
        EmitGate(siteIndex);
        c.Label(ref quiet);
        c.mov(Window(MonitorWindow.Data.VirtualIf), (int)If);
        c.mov(ecx, Scratch(0));
    }

    /// <summary>PUSHFD: hardware stores its own flags (IF set, IOPL 0), then VirtualIf and FlagsBias are added with LEA.
    /// The push comes first and takes the stack's faults. EAX and ECX are kept in scratch 0 and 1.
    /// <code>
    ///   pushfd
    ///   mov ss:[S0], eax ; mov ss:[S1], ecx
    ///   mov eax, ss:[VirtualIf] ; mov ecx, ss:[FlagsBias] ; lea eax, [eax+ecx]
    ///   mov ecx, [esp] ; lea eax, [eax+ecx] ; mov [esp], eax
    ///   mov ecx, ss:[S1] ; mov eax, ss:[S0]
    /// </code></summary>
    public void EmitPushfd() => EmitPushFlags(isWord: false);

    /// <summary>PUSHF with a 16-bit operand: as <see cref="EmitPushfd"/>, on a word.</summary>
    public void EmitPushfw() => EmitPushFlags(isWord: true);

    /// <summary>POPFD, inline while it changes nothing but IF and the flags that ring 3 may change; else by the gate, with nothing changed.
    /// The arithmetic flags are dead from the start: POPF defines them all. EAX and ECX are kept in scratch 0 and 1.
    /// <code>
    ///   mov ss:[S0], eax ; mov ss:[S1], ecx
    ///   mov eax, [esp]                                 may fault, registers intact
    ///   mov ecx, ss:[FlagsBias] ; lea ecx, [ecx+200h]  the guest's IOPL
    ///   xor ecx, eax ; test ecx, 3000h ; jne leave     IOPL would change
    ///   test eax, 1F4100h ; jne leave                  TF NT RF VM AC VIF VIP
    ///   test ss:[EventPending], eax ; jne leave        IF would become set and an event waits
    ///   and eax, 200h ; mov ss:[VirtualIf], eax
    ///   mov ecx, ss:[S1] ; mov eax, ss:[S0]
    ///   popfd                                          IOPL and IF stay as they are in ring 3
    ///   jmp done
    /// leave:
    ///   mov ecx, ss:[S1] ; mov eax, ss:[S0]
    ///   (gate)
    /// done:
    /// </code></summary>
    public void EmitPopfd(int siteIndex) => EmitPopFlags(siteIndex, isWord: false);

    /// <summary>POPF with a 16-bit operand: as <see cref="EmitPopfd"/>; the upper half of EFLAGS stays.</summary>
    public void EmitPopfw(int siteIndex) => EmitPopFlags(siteIndex, isWord: true);

    private void EmitPushFlags(bool isWord)
    {
        if (isWord)
            c.pushf();
        else
            c.pushfd();

        c.mov(Scratch(0), eax);
        c.mov(Scratch(1), ecx);
        c.mov(eax, Window(MonitorWindow.Data.VirtualIf));
        c.mov(ecx, Window(MonitorWindow.Data.FlagsBias));
        c.lea(eax, __[eax + ecx]);          // what the guest's flags have more than the hardware's
        if (isWord)
        {
            c.movzx(ecx, __word_ptr[esp]);
            c.lea(eax, __[eax + ecx]);
            c.mov(__word_ptr[esp], ax);
        }
        else
        {
            c.mov(ecx, __dword_ptr[esp]);
            c.lea(eax, __[eax + ecx]);
            c.mov(__dword_ptr[esp], eax);
        }

        c.mov(ecx, Scratch(1));
        c.mov(eax, Scratch(0));
    }

    private void EmitPopFlags(int siteIndex, bool isWord)
    {
        Label leave = c.CreateLabel();
        Label done = c.CreateLabel();
        c.mov(Scratch(0), eax);
        c.mov(Scratch(1), ecx);
        if (isWord)
            c.movzx(eax, __word_ptr[esp]);
        else
            c.mov(eax, __dword_ptr[esp]);
        c.mov(ecx, Window(MonitorWindow.Data.FlagsBias));
        c.lea(ecx, __[ecx + (int)If]);      // FlagsBias is IOPL less the IF that hardware shows
        c.xor(ecx, eax);
        c.test(ecx, Iopl);
        c.jne(leave);
        c.test(eax, Special);
        c.jne(leave);
        c.test(Window(MonitorWindow.Data.EventPending), eax); // EventPending is 200h or 0
        c.jne(leave);
        c.and(eax, (int)If);
        c.mov(Window(MonitorWindow.Data.VirtualIf), eax);
        c.mov(ecx, Scratch(1));
        c.mov(eax, Scratch(0));
        if (isWord)
            c.popf();
        else
            c.popfd();
        c.jmp(done);
        c.Label(ref leave);
        c.mov(ecx, Scratch(1));
        c.mov(eax, Scratch(0));
        EmitGate(siteIndex);
        c.Label(ref done);
        c.zero_bytes();                     // anchors the label; encodes to nothing
    }
}
