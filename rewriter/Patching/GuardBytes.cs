// Why a displaced range is safe against jumps nobody knows of: the bytes of the jmp that stand where instructions used to start
// are chosen to be opcodes that ring 3 may not execute.
namespace Rewriter.Patching;

/// <summary>Opcodes that raise a general-protection fault at their own address in ring 3 with IOPL 0 (SDM vol. 3, 5.9; vol. 1, 19.5.1).
/// Software interrupts are not among them: they are traps, and report the address that follows.</summary>
public static class GuardBytes
{
    public const byte Hlt = 0xF4;
    public const byte Cli = 0xFA;

    /// <summary>The opcode of group 5: with <see cref="Cli"/> behind it, whose bits 3 to 5 are all set as a ModRM byte, it is no instruction
    /// and raises #UD at its own address (SDM vol. 2, table A-6).</summary>
    public const byte Undefined = 0xFF;

    // ins, outs, in/out imm8, in/out dx, hlt, cli, sti.
    private static readonly byte[] AllBytes = [0x6C, 0x6D, 0x6E, 0x6F, 0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF, Hlt, 0xFA, 0xFB];
    private static readonly byte[] OneByteOnly = [.. AllBytes.Where(value => value is < 0xE4 or > 0xE7)];

    /// <summary>Every guard, ascending.</summary>
    public static ReadOnlySpan<byte> All => AllBytes;

    /// <summary>The guards that are a whole instruction: what the last byte of a page needs, since fetching an operand from the next page
    /// may fault first.</summary>
    public static ReadOnlySpan<byte> OneByte => OneByteOnly;

    public static bool IsGuard(byte value) => AllBytes.AsSpan().Contains(value);
}
