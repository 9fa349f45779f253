// The I/O APIC (82093AA): 24 inputs, each with an entry that says which vector the local APIC gets.
namespace Runtime.Devices;

/// <summary>Two registers, behind which are all others: an index at 0, data at 10h. Single-threaded like every device.</summary>
/// <param name="local">The only processor's.</param>
/// <param name="changed">As <see cref="LocalApic"/> says.</param>
public sealed class IoApic(LocalApic local, Action changed) : IPortDevice, IInterruptInputs
{
    public const uint Size = 0x1000;

    public const int Inputs = 24;

    /// <summary>The 8259As' output. Its input 0 is what a kernel finds that expects it there; the timer, which has no room beside it, is at 2.</summary>
    public const int ExternalInput = 0, TimerInput = 2;

    public const byte Version = 0x11;

    private const int Index = 0x00, Data = 0x10;
    private const byte IdRegister = 0, VersionRegister = 1, ArbitrationRegister = 2, FirstEntry = 0x10;

    // 82093AA, I/O redirection table.
    private const uint Vector = 0xFF, DeliveryMode = 7 << 8, Logical = 1 << 11, RemoteIrr = 1 << 14, LevelTriggered = 1 << 15, Masked = 1 << 16, Settable = 0x1_AFFF;

    private readonly uint[] _entries = [.. Enumerable.Repeat(Masked, Inputs)];
    private readonly byte[] _destinations = new byte[Inputs];
    private readonly bool[] _levels = new bool[Inputs];
    private byte _selected, _id;

    /// <summary>An interrupt that came over an edge-triggered input has been taken by the processor.</summary>
    public event Action<int>? Acknowledged;

    /// <summary>Whether the 8259As' output goes on to the processor here.</summary>
    public bool PassesExternal => (_entries[ExternalInput] & (Masked | DeliveryMode)) == (uint)ApicDelivery.External << 8;

    public int WidestAccess(int offset) => offset % 16 == 0 ? 4 : 1;

    /// <summary>Only accesses to a whole register mean anything.</summary>
    public uint Read(int offset, int size) => size < 4 ? 0 : offset switch
    {
        Index => _selected,
        Data => ReadSelected(),
        _ => 0,
    };

    public void Write(int offset, int size, uint value)
    {
        if (offset == Index)
        {
            _selected = (byte)value;
        }
        else if (offset == Data && size == 4)
        {
            bool wasPending = local.IsInterruptPending;
            WriteSelected(value);
            if (local.IsInterruptPending && !wasPending)
            {
                changed();
            }
        }
    }

    public void SetLevel(int input, bool isHigh)
    {
        bool isEdge = isHigh && !_levels[input];
        _levels[input] = isHigh;
        if (isEdge)
        {
            Deliver(input);
        }
    }

    /// <summary>The processor has taken an interrupt with this vector.</summary>
    internal void Taken(byte vector)
    {
        for (int input = 0; input < Inputs; input++)
        {
            if ((_entries[input] & (Masked | LevelTriggered | Vector)) == vector)
            {
                Acknowledged?.Invoke(input);
            }
        }
    }

    /// <summary>The processor has ended a level-triggered interrupt with this vector: it comes again from an input that is still high.</summary>
    internal void Ended(byte vector)
    {
        for (int input = 0; input < Inputs; input++)
        {
            if ((_entries[input] & (RemoteIrr | LevelTriggered | Vector)) == (RemoteIrr | LevelTriggered | vector))
            {
                _entries[input] &= ~RemoteIrr;
                Deliver(input);
            }
        }
    }

    private uint ReadSelected()
    {
        int entry = _selected - FirstEntry;
        return _selected switch
        {
            IdRegister or ArbitrationRegister => (uint)_id << 24,
            VersionRegister => (Inputs - 1) << 16 | Version,
            _ when entry is < 0 or >= Inputs * 2 => 0,
            _ => entry % 2 == 0 ? _entries[entry / 2] : (uint)_destinations[entry / 2] << 24,
        };
    }

    private void WriteSelected(uint value)
    {
        int entry = _selected - FirstEntry;
        if (_selected == IdRegister)
        {
            _id = (byte)(value >> 24 & 0xF);
        }
        else if (entry is >= 0 and < Inputs * 2)
        {
            int input = entry / 2;
            if (entry % 2 != 0)
            {
                _destinations[input] = (byte)(value >> 24);
                return;
            }

            // Remote IRR stays while the input is level-triggered; turning it into an edge-triggered one is how kernels clear it.
            _entries[input] = value & Settable | ((value & LevelTriggered) != 0 ? _entries[input] & RemoteIrr : 0);
            if ((value & LevelTriggered) != 0)
            {
                Deliver(input);
            }
        }
    }

    /// <summary>Sends an interrupt if an input is high and may. An edge at a masked input is lost, a level is seen when the mask goes.</summary>
    private void Deliver(int input)
    {
        uint entry = _entries[input];
        if (!_levels[input] || (entry & (Masked | RemoteIrr)) != 0)
        {
            return;
        }

        bool isLevel = (entry & LevelTriggered) != 0;
        var message = new ApicMessage((byte)entry, (ApicDelivery)((entry & DeliveryMode) >> 8), _destinations[input], (entry & Logical) != 0, isLevel);
        if (local.TryAccept(message) && isLevel && message.HasVector)
        {
            _entries[input] |= RemoteIrr;
        }
    }
}
