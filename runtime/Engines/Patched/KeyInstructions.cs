// The instructions that give user code the rights of protection keys, WRPKRU and XRSTOR: they may be in no byte that it can execute,
// inside other instructions neither (ERIM: Vahldiek-Oberwagner et al., USENIX Security 2019, does the same for PKU sandboxes).
namespace Runtime.Engines.Patched;

internal static class KeyInstructions
{
    /// <summary>As far as they are looked at.</summary>
    public const int Length = 3;

    /// <summary>Whether bytes hold one, or could begin one whose rest is whatever comes behind them.</summary>
    public static bool AreIn(ReadOnlySpan<byte> code)
    {
        for (int i = 0; i < code.Length; i++)
        {
            int next = code[i..].IndexOf((byte)0x0F);
            if (next < 0)
            {
                return false;
            }

            i += next;
            if (Begins(code[i..]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Where in a page one begins, or could begin at its end, that has a byte of a range; -1 when none does.</summary>
    /// <param name="isEndKnown">What comes behind the page has been looked at.</param>
    public static int Find(ReadOnlySpan<byte> page, int offset, int length, bool isEndKnown)
    {
        for (int i = Math.Max(0, offset - Length + 1); i < offset + length; i++)
        {
            ReadOnlySpan<byte> rest = page[i..];
            if (rest[0] == 0x0F && (rest.Length >= Length || !isEndKnown) && Begins(rest))
            {
                return i;
            }
        }

        return -1;
    }

    // SDM vol. 2: WRPKRU is 0F 01 EF, XRSTOR 0F AE /5 with an operand in memory.
    private static bool Begins(ReadOnlySpan<byte> code)
        => code.Length == 1
            || (code[1] == 0x01 && (code.Length == 2 || code[2] == 0xEF))
            || (code[1] == 0xAE && (code.Length == 2 || (code[2] < 0xC0 && (code[2] >> 3 & 7) == 5)));
}
