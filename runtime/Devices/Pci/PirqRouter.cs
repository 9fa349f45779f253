// The four PCI interrupt wires and where the PIIX3 leads them: all devices share them, so a wire is high while any device wants it.
namespace Runtime.Devices.Pci;

/// <summary>PIRQA# to PIRQD# of the 82371SB, each on the 8259 input that its route control register names. Inputs are slot * 4 + pin - 1.</summary>
public sealed class PirqRouter(Pic8259Pair pic) : IInterruptInputs
{
    private const int Wires = 4, Slots = 32;
    private const byte Disabled = 0x80;

    /// <summary>Inputs that can be routed to (82371SB, PIRQRC): the others are the board's own.</summary>
    private const int Routable = 0xDEF8;

    private readonly byte[] _routes = [Disabled, Disabled, Disabled, Disabled];
    private readonly ulong[] _raised = new ulong[Slots * Wires / 64];
    private readonly int[] _levels = new int[Wires];
    private readonly int[] _driven = new int[16];

    public InterruptLine Line(int slot, int pin) => new(this, slot * Wires + pin - 1);

    /// <summary>The input that a pin ends at; 255 for none, as the interrupt line register says it.</summary>
    public byte IrqOf(int slot, int pin) => Target(WireOf(slot * Wires + pin - 1)) is int irq and >= 0 ? (byte)irq : (byte)0xFF;

    /// <summary>Sets the route control register of a wire: bit 7 off, bits 3-0 the input.</summary>
    public void Route(int wire, byte control)
    {
        bool isHigh = _levels[wire] > 0;
        Drive(wire, isHigh, isHigh: false);
        _routes[wire] = control;
        Drive(wire, wasHigh: false, isHigh);
    }

    public void SetLevel(int input, bool isHigh)
    {
        ulong bit = 1ul << (input & 63);
        ref ulong raised = ref _raised[input >> 6];
        if ((raised & bit) != 0 == isHigh)
        {
            return;
        }

        raised ^= bit;
        int wire = WireOf(input);
        bool wasHigh = _levels[wire] > 0;
        _levels[wire] += isHigh ? 1 : -1;
        Drive(wire, wasHigh, _levels[wire] > 0);
    }

    /// <summary>How QEMU's board crosses the wires from slot to slot, so that devices with INTA# alone spread.</summary>
    private static int WireOf(int input) => (input / Wires - 1 + input % Wires) & Wires - 1;

    private int Target(int wire) => (_routes[wire] & Disabled) == 0 && (Routable >> (_routes[wire] & 15) & 1) != 0 ? _routes[wire] & 15 : -1;

    private void Drive(int wire, bool wasHigh, bool isHigh)
    {
        int irq = Target(wire);
        if (irq >= 0 && wasHigh != isHigh)
        {
            _driven[irq] += isHigh ? 1 : -1;
            pic.Line(irq).Set(_driven[irq] > 0);
        }
    }
}
