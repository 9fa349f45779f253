using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Scanning;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Patching;

/// <summary>Random but well-formed kernel-like code: plain instructions of all lengths, branches among them, sensitive sites.</summary>
internal sealed class RandomCode
{
    public const uint Start = 0xC010_0FA0; // a page boundary soon after

    private RandomCode(byte[] bytes, uint start)
    {
        Bytes = bytes;
        Context = new InstructionListContext(start, bytes);
        Context.AddAll();
        Sites = [.. Context.Instructions.Where(IsSite).Select(instruction => new SensitiveInstruction(
            instruction, bytes.AsMemory((int)(instruction.IP32 - start), instruction.Length), ClassOf(instruction), SiteConfidence.High, ".text", null))];
    }

    public byte[] Bytes { get; }

    public InstructionListContext Context { get; }

    public IReadOnlyList<SensitiveInstruction> Sites { get; }

    public static RandomCode Create(int seed, int count = 400, uint start = Start)
    {
        var random = new Random(seed);
        var c = new Assembler(32);
        Label[] labels = [.. Enumerable.Range(0, count).Select(_ => c.CreateLabel())];
        for (int i = 0; i < count; i++)
        {
            c.Label(ref labels[i]);
            if (random.Next(4) == 0)
                EmitSite(c, random);
            else
                EmitPlain(c, random, labels[Math.Clamp(i + random.Next(-20, 20), 0, count - 1)]);
        }

        c.ret();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), start);
        return new RandomCode(stream.ToArray(), start);
    }

    private static void EmitSite(Assembler c, Random random)
    {
        switch (random.Next(16))
        {
            case 0 or 1: c.cli(); break;
            case 2 or 3: c.sti(); break;
            case 4: c.pushfd(); break;
            case 5: c.popfd(); break;
            case 6: c.mov(eax, cr0); break;
            case 7: c.mov(cr3, ebx); break;
            case 8: c.@out(dx, al); break;
            case 9: c.@in(eax, 0x60); break;
            case 10: c.hlt(); break;
            case 11: c.iretd(); break;
            case 12: c.mov(__word_ptr[ebx + ecx * 4 + 0x12345], ds); break;
            case 13: c.rdtsc(); break;
            case 14: c.lgdt(__[eax]); break;
            default: c.push(fs); break;
        }
    }

    private static void EmitPlain(Assembler c, Random random, Label label)
    {
        switch (random.Next(20))
        {
            case 0 or 1: c.push(ebp); break;
            case 2: c.nop(); break;
            case 3: c.pop(ecx); break;
            case 4: c.xor(eax, eax); break;
            case 5: c.mov(ebp, esp); break;
            case 6: c.mov(eax, __dword_ptr[ebp + 8]); break;
            case 7: c.mov(edx, __dword_ptr[esp + 0x10]); break;
            case 8: c.mov(ecx, 0x1234_5678); break;
            case 9: c.mov(__dword_ptr[0xC040_0000u], 7); break;
            case 10: c.mov(eax, __dword_ptr.fs[0x10]); break;
            case 11 or 12: c.jne(label); break;
            case 13: c.jmp(label); break;
            case 14: EmitCountedBranch(c, label); break;
            case 15: c.call(0xC018_0000ul); break;
            case 16: c.call(__dword_ptr[eax + 4]); break;
            case 17: c.call(edx); break;
            case 18: c.ret(); break;
            default: c.add(esp, 4); break;
        }
    }

    // JECXZ reaches 127 bytes only: over a jump that reaches everything.
    private static void EmitCountedBranch(Assembler c, Label label)
    {
        Label taken = c.CreateLabel();
        Label skip = c.CreateLabel();
        c.jecxz(taken);
        c.jmp(skip);
        c.Label(ref taken);
        c.jmp(label);
        c.Label(ref skip);
        c.nop();
    }

    private static bool IsSite(Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Cli or Mnemonic.Sti or Mnemonic.Pushfd or Mnemonic.Popfd or Mnemonic.Out or Mnemonic.In or Mnemonic.Hlt or Mnemonic.Iretd or Mnemonic.Rdtsc or Mnemonic.Lgdt => true,
        Mnemonic.Mov or Mnemonic.Push => instruction.Op0Register.IsCR() || instruction.Op1Register.IsCR() || instruction.Op1Register == Register.DS || instruction.Op0Register == Register.FS,
        _ => false,
    };

    private static SensitivityClass ClassOf(Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Rdtsc => SensitivityClass.Leaking,
        Mnemonic.Pushfd or Mnemonic.Popfd or Mnemonic.Push => SensitivityClass.Silent,
        _ => SensitivityClass.Trapping,
    };
}
