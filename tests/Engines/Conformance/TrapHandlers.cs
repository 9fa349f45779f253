// What a guest program does with traps: it says so on a port, and goes on where the program asked.
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

internal static class TrapHandlers
{
    private const int Vectors = 0x81;

    /// <summary>Assembles the handlers of vectors 0 to 80H. 80H logs EAX and returns.</summary>
    /// <param name="entries">Address of each.</param>
    public static byte[] Assemble(out uint[] entries)
    {
        var a = new Assembler(32);
        Label common = a.CreateLabel(), stay = a.CreateLabel();
        var labels = new Label[Vectors];
        for (int v = 0; v < Vectors; v++)
        {
            labels[v] = a.CreateLabel();
            a.Label(ref labels[v]);
            if (v == 0x80)
            {
                a.@out(GuestProgram.ValuePort & 0xFF, eax);
                a.iretd();
                continue;
            }

            if (v is not (8 or (>= 10 and <= 14) or 17))
            {
                a.push(0);
            }

            a.push(v);
            a.jmp(common);
        }

        // Stack: EDI ... EAX (32 bytes), vector, error, EIP, CS, EFLAGS.
        a.Label(ref common);
        a.pushad();
        foreach ((int offset, int port) in new[] { (32, 0), (36, 1), (40, 2) })
        {
            a.mov(eax, __dword_ptr[esp + offset]);
            a.@out((byte)(GuestProgram.TrapPort + port), eax);
        }

        a.mov(eax, cr2);
        a.@out((byte)(GuestProgram.TrapPort + 3), eax);
        a.and(__dword_ptr[esp + 48], ~0x100); // no more single steps
        a.cmp(__dword_ptr[esp + 32], GuestProgram.InterruptVector);
        a.je(stay);
        a.mov(eax, __dword_ptr[GuestProgram.Resume]);
        a.test(eax, eax);
        a.je(stay);
        a.mov(__dword_ptr[esp + 40], eax);
        a.mov(__dword_ptr[GuestProgram.Resume], 0);
        a.Label(ref stay);
        a.popad();
        a.add(esp, 8);
        a.iretd();

        var stream = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), GuestProgram.Handlers, BlockEncoderOptions.ReturnNewInstructionOffsets);
        entries = [.. labels.Select(label => (uint)result.GetLabelRIP(label))];
        return stream.ToArray();
    }
}
