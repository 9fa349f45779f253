// Keeps copies of words that shims read from pages of code, where the guest's data accesses fault: Linux executes VERW with an operand among
// its entry code on each return to user mode.
using Runtime.Abi;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>
/// The monitor's side of <see cref="MonitorWindow.Data.Mirrors"/>. A word is known while its frame has patched copies, since stores to it are
/// intercepted then; else, and wherever it is not mapped, shims find a selector that no slot stands for, and leave by the gate.
/// </summary>
internal sealed class OperandMirror(Cpu cpu, GuestMemory memory, FrameTable frames, Func<WindowMemory> window)
{
    /// <summary>A selector of the LDT.</summary>
    private const uint Unknown = 4;

    private readonly List<(uint Linear, ulong Physical)> _words = [];

    /// <summary>The window's offset for the word at an address of the guest kernel; null when it need not be mirrored, or there is no room.</summary>
    public uint? OffsetOf(uint linear)
    {
        int known = _words.FindIndex(word => word.Linear == linear);
        if (known >= 0)
        {
            return Offset(known);
        }

        if (_words.Count == MonitorWindow.Data.MirrorCount || !TryFind(linear, out ulong physical))
        {
            return null;
        }

        _words.Add((linear, physical));
        Write(_words.Count - 1);
        return Offset(_words.Count - 1);
    }

    /// <summary>Looks at all words again: translations or copies may have changed.</summary>
    public void Refresh()
    {
        for (int i = 0; i < _words.Count; i++)
        {
            _words[i] = _words[i] with { Physical = TryFind(_words[i].Linear, out ulong physical) ? physical : ulong.MaxValue };
            Write(i);
        }
    }

    /// <summary>The translation of a page may have changed.</summary>
    public void Invalidate(uint page)
    {
        if (_words.Exists(word => word.Linear >> 12 == page))
        {
            Refresh();
        }
    }

    /// <summary>A store was made to a frame with copies.</summary>
    public void Written(uint frame)
    {
        for (int i = 0; i < _words.Count; i++)
        {
            if (_words[i].Physical >> 12 == frame)
            {
                Write(i);
            }
        }
    }

    private bool TryFind(uint linear, out ulong physical)
    {
        physical = 0;
        if ((linear & 0xFFF) > 4096 - 2 || !cpu.TryTranslate(linear, AccessKind.Read, false, false, out PageTranslation translation, out _)
            || translation.Physical >= memory.Length || !frames.IsCode((uint)(translation.Physical >> 12)))
        {
            return false;
        }

        physical = translation.Physical;
        return true;
    }

    private void Write(int index)
        => window()[Offset(index)] = _words[index].Physical == ulong.MaxValue ? Unknown : memory.Read16(_words[index].Physical);

    private static uint Offset(int index) => MonitorWindow.Data.Mirrors + ((uint)index * 4);
}
