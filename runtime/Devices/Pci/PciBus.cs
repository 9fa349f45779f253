// Bus 0: functions in slots, their ranges on the port and memory buses, their interrupt pins on the router.
using Runtime.Memory;

namespace Runtime.Devices.Pci;

/// <summary>Which interrupt input a pin of a slot ends at.</summary>
/// <param name="Pin">1-4 for INTA# to INTD#.</param>
public readonly record struct PciInterruptRoute(int Slot, int Pin, byte Irq);

/// <summary>The PCI bus of a machine. There is no BIOS: <see cref="AssignResources"/> does its part.</summary>
public sealed class PciBus(PortBus ports, MemoryMappedBus memory, PirqRouter router)
{
    private const int FunctionsPerSlot = 8;
    private readonly SortedDictionary<int, PciFunction> _functions = [];
    private uint _nextPort = MachineLayout.PciPorts;
    private ulong _nextMemory = MachineLayout.PciMemory;

    public PciFunction? Find(int slot, int function) => _functions.GetValueOrDefault(slot * FunctionsPerSlot + function);

    /// <summary>Puts a function into a slot, its ranges assigned and decoded as a BIOS does.</summary>
    /// <exception cref="ArgumentException">The place is taken.</exception>
    public void Add(PciFunction function, int slot, int number = 0)
    {
        _functions.Add(slot * FunctionsPerSlot + number, function);
        if (function.InterruptPin != 0)
        {
            function.Interrupt = router.Line(slot, function.InterruptPin);
        }

        AssignResources(function, slot);
        function.Written += offset =>
        {
            if (offset is >= 0x10 and < 0x28 or PciFunction.Command or PciFunction.Command + 1)
            {
                Rewire();
            }
        };
        Rewire();
    }

    /// <summary>Takes a device out of its slot, as if it had never been there.</summary>
    public void Remove(int slot)
    {
        for (int number = 0; number < FunctionsPerSlot; number++)
        {
            if (_functions.Remove(slot * FunctionsPerSlot + number, out PciFunction? function))
            {
                function.Interrupt?.Set(false);
                function.Interrupt = null;
            }
        }

        Rewire();
    }

    /// <summary>Where the interrupt pins of all functions end, as things are now.</summary>
    public IEnumerable<PciInterruptRoute> InterruptRoutes()
        => from entry in _functions
           let route = new PciInterruptRoute(entry.Key / FunctionsPerSlot, entry.Value.InterruptPin, router.IrqOf(entry.Key / FunctionsPerSlot, entry.Value.InterruptPin))
           where entry.Value.InterruptPin != 0 && route.Irq < 16
           select route;

    /// <summary>What SeaBIOS leaves: every range at an address of its own, decoding on, the interrupt line register true.</summary>
    private void AssignResources(PciFunction function, int slot)
    {
        foreach (PciBar bar in function.Bars)
        {
            if (bar.IsMemory)
            {
                uint size = Math.Max(bar.Size, GuestMemory.FrameSize); // no two devices in a page
                ulong address = (_nextMemory + size - 1) & ~(ulong)(size - 1);
                _nextMemory = address + size;
                function.WriteConfig(bar.Register, 4, checked((uint)address));
            }
            else
            {
                uint address = (_nextPort + bar.Size - 1) & bar.AddressMask;
                _nextPort = address + bar.Size;
                function.WriteConfig(bar.Register, 4, address);
            }
        }

        if (function.Bars.Count > 0)
        {
            function.WriteConfig(PciFunction.Command, 2, 3); // I/O and memory
        }

        if (function.InterruptPin != 0)
        {
            function.WriteConfig(PciFunction.InterruptLineRegister, 1, router.IrqOf(slot, function.InterruptPin));
        }
    }

    /// <summary>Lays all ranges out anew, in slot order; where two overlap, or cover a device of the board, the first stays.</summary>
    private void Rewire()
    {
        ports.DetachMovable();
        memory.Clear();
        foreach (PciFunction function in _functions.Values)
        {
            foreach (PciBar bar in function.Bars)
            {
                if (function.AddressOf(bar) is not uint address)
                {
                    continue;
                }

                if (bar.IsMemory)
                {
                    memory.Attach(bar.Device, address, bar.Size);
                }
                else if (address <= PortBus.PortCount - bar.Size)
                {
                    ports.AttachMovable(bar.Device, (ushort)address, (int)bar.Size);
                }
            }
        }
    }
}
