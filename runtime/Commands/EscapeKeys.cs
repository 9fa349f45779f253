namespace Runtime.Commands;

/// <summary>What a user at a terminal can say to the monitor rather than to the guest: Ctrl-A and a key, as with QEMU's -nographic. Everything
/// else is the guest's, Ctrl-C and the like included.</summary>
/// <param name="quit">Ctrl-A x: end the machine, or only the conversation with it.</param>
/// <param name="help">Ctrl-A h: say which keys there are.</param>
internal sealed class EscapeKeys(Action quit, Action help)
{
    /// <param name="quits">What Ctrl-A x does.</param>
    public static string Help(string quits) => $"Ctrl-A x {quits}, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h shows this; every other key is the guest's";

    private const byte Escape = 1;

    private bool _isEscaped;

    /// <summary>Takes the monitor's keys out of what was typed.</summary>
    /// <param name="typed">What remains for the guest is moved to its start.</param>
    /// <returns>How many bytes those are.</returns>
    public int Filter(Span<byte> typed)
    {
        int kept = 0;
        foreach (byte key in typed)
        {
            bool wasEscaped = _isEscaped;
            _isEscaped = !wasEscaped && key == Escape;
            if (!wasEscaped && key != Escape || wasEscaped && key == Escape)
            {
                typed[kept++] = key;
            }
            else if (wasEscaped)
            {
                Perform((char)key);
            }
        }

        return kept;
    }

    private void Perform(char key)
    {
        switch (char.ToLowerInvariant(key))
        {
            case 'x':
                quit();
                break;
            case 'h' or '?':
                help();
                break;
            default:
                break; // as QEMU: not a command, and not the guest's
        }
    }
}
