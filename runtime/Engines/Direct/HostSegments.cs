// Segment registers in ring 3: flat segments use the host's own descriptors, all others get one in the stub process's LDT.
using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct;

/// <summary>Finds or installs host descriptors that behave like the guest's (modify_ldt(2), asm/ldt.h).</summary>
internal sealed class HostSegments
{
    /// <summary>__USER32_CS and __USER_DS of Linux x86-64: flat, ring 3.</summary>
    public const ushort FlatCode = 0x23, FlatData = 0x2B;

    private const int SysModifyLdt = 154, WriteNew = 0x11;
    private const int Entries = 8192;

    /// <summary>More than one entry into the guest and the exit after it need.</summary>
    private const int Margin = 64;

    private readonly Dictionary<(uint Base, uint Limit, int Type, bool Is32Bit), int> _entries = [];
    private readonly Dictionary<int, HashSet<int>> _installed = [];

    /// <summary>The host selector to load for a guest segment register.</summary>
    /// <exception cref="HostCallException">The host kernel has no LDT (CONFIG_MODIFY_LDT_SYSCALL).</exception>
    public ushort Selector(in SegmentRegister segment, StubProcess stub)
    {
        if (!segment.IsUsable)
        {
            return 0;
        }

        // Type bits (SDM vol. 3, table 3-1): 8 code, 4 expand down or conforming, 2 writable or readable, 1 accessed.
        int type = segment.Type & 0xE;
        if (segment.IsFlat && segment.Is32Bit && type == 2)
        {
            return FlatData;
        }

        var key = (segment.Base, segment.Limit, type, segment.Is32Bit);
        if (!_entries.TryGetValue(key, out int entry))
        {
            entry = _entries.Count;
            _entries.Add(key, entry);
        }

        if (!_installed.TryGetValue(stub.Pid, out HashSet<int>? installed))
        {
            _installed.Add(stub.Pid, installed = []);
        }

        if (installed.Add(entry))
        {
            Install(stub, entry, segment, type);
        }

        return (ushort)(entry << 3 | 7);
    }

    /// <summary>Begins anew when the LDT is nearly full. Selectors given out before then stand for something else: true tells their holders.</summary>
    public bool TryStartOver()
    {
        if (_entries.Count < Entries - Margin)
        {
            return false;
        }

        _entries.Clear();
        _installed.Clear();
        return true;
    }

    /// <summary>A stub process is gone.</summary>
    public void Forget(StubProcess stub) => _installed.Remove(stub.Pid);

    private static void Install(StubProcess stub, int entry, in SegmentRegister segment, int type)
    {
        bool inPages = segment.Limit > 0xF_FFFF;
        bool isCode = (type & 8) != 0;
        // A code segment in a data register is only ever read.
        uint contents = !isCode && (type & 4) != 0 ? 1u : 0;
        bool readOnly = isCode || (type & 2) == 0;
        // struct user_desc: entry_number, base_addr, limit, flags.
        stub.Flush();
        int at = StubLayout.Scratch;
        stub.Word(at) = (uint)entry;
        stub.Word(at + 4) = segment.Base;
        stub.Word(at + 8) = inPages ? segment.Limit >> 12 : segment.Limit;
        stub.Word(at + 12) = (segment.Is32Bit ? 1u : 0) | contents << 1 | (readOnly ? 8u : 0) | (inPages ? 16u : 0) | 64;
        long result = stub.Call(SysModifyLdt, WriteNew, StubLayout.ControlAddress + (ulong)at, 16);
        // A 32-bit int in a 64-bit register: modify_ldt returns it zero-extended on some kernels.
        if ((int)result < 0)
        {
            throw new HostCallException("modify_ldt in the stub process", -(int)result);
        }
    }
}
