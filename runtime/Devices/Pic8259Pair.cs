// The PC's two cascaded interrupt controllers: what devices raise lines on and the run loop takes vectors from.
namespace Runtime.Devices;

/// <summary>IRQ 0-7 on the master, 8-15 on the slave, whose output is the master's input 2.</summary>
public sealed class Pic8259Pair : IInterruptInputs, IInterruptSource
{
    private readonly InterruptLine[] _lines = new InterruptLine[16];

    public Pic8259Pair(IDeviceTrace trace)
    {
        Master = new Pic8259("8259A master", MachineLayout.CascadeIrq, isHigh => IsInterruptPending = isHigh, trace);
        Slave = new Pic8259("8259A slave", -1, isHigh => Master.SetLevel(MachineLayout.CascadeIrq, isHigh), trace);
        for (int irq = 0; irq < _lines.Length; irq++)
        {
            _lines[irq] = new InterruptLine(this, irq);
        }
    }

    public Pic8259 Master { get; }

    public Pic8259 Slave { get; }

    /// <summary>The level of INTR at the processor.</summary>
    public bool IsInterruptPending
    {
        get;
        private set
        {
            field = value;
            Companion?.SetLevel(IoApic.ExternalInput, value);
        }
    }

    /// <summary>The I/O APIC, whose inputs hang on the same lines; null for none. The timer's is another one, for INTR is in its place.</summary>
    internal IoApic? Companion
    {
        get;
        set
        {
            field = value;
            value?.Acknowledged += input => _lines[input == IoApic.TimerInput ? MachineLayout.TimerIrq : input & 15].Acknowledge();
        }
    }

    /// <summary>Both are (<see cref="Pic8259.IsQuiet"/>).</summary>
    public bool IsQuiet => Master.IsQuiet && Slave.IsQuiet;

    /// <param name="irq">0-15 without the cascade input 2.</param>
    public InterruptLine Line(int irq) => _lines[irq];

    /// <summary>INTA: the vector of the interrupt that the processor now takes; spurious ones (7, 15) included.</summary>
    public byte Acknowledge()
    {
        int input = Master.Acknowledge();
        if (input != MachineLayout.CascadeIrq)
        {
            _lines[input].Acknowledge();
            return Master.VectorOf(input);
        }

        int slaveInput = Slave.Acknowledge();
        _lines[8 + slaveInput].Acknowledge();
        return Slave.VectorOf(slaveInput);
    }

    void IInterruptInputs.SetLevel(int input, bool isHigh)
    {
        Companion?.SetLevel(input == MachineLayout.TimerIrq ? IoApic.TimerInput : input, isHigh);
        if (input < 8)
        {
            Master.SetLevel(input, isHigh);
        }
        else
        {
            Slave.SetLevel(input - 8, isHigh);
        }
    }
}
