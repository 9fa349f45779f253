// The board: all devices of one machine, on their ports and interrupt lines. It knows no engine; tests drive it through the bus.
using Runtime.Devices;
using Runtime.Devices.Ethernet;
using Runtime.Devices.Pci;
using Runtime.Devices.Xen;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Memory;
using Runtime.Network;
using Runtime.Time;

namespace Runtime;

/// <summary>What a board is fitted with.</summary>
/// <param name="Memory">RAM. Devices above it answer at its addresses from then on.</param>
/// <param name="Disks">Primary master, primary slave, secondary master, secondary slave; at most four.</param>
public sealed record PlatformParts(GuestMemory Memory, IReadOnlyList<DiskImage> Disks, ISerialEndpoint Serial, IDeviceTrace Trace)
{
    /// <summary>What a network card's cable leads to; null for no card.</summary>
    public NetworkPlug? Network { get; init; }

    /// <summary>Where the console ring of a guest of Xen leads.</summary>
    public ISerialEndpoint RingTerminal { get; init; } = new NullSerialEndpoint();

    /// <summary>The same with the serial port's terminal shared by the console ring.</summary>
    public PlatformParts UnderXen()
    {
        var terminal = new SharedTerminal(Serial);
        return this with { Serial = terminal.Serial, RingTerminal = terminal.Ring };
    }
}

/// <summary>The devices of one machine, wired as <see cref="MachineLayout"/> says, in the state in which a BIOS hands over.</summary>
public sealed class PcPlatform : IDisposable
{
    private readonly IdeChannel[] _ide = new IdeChannel[2];
    private readonly List<DeviceWorker> _workers = [];
    private readonly PlatformParts _parts;
    private readonly MemoryMappedBus _memoryBus;
    private GuestPort? _cable;

    /// <param name="wake">Makes the run loop look at its devices; safe from any thread.</param>
    public PcPlatform(PlatformParts parts, IClock clock, IPowerControl power, Action wake)
    {
        _parts = parts;
        Completions = new CompletionQueue(wake);
        Deadlines.Add(Completions);
        Bus = new PortBus(parts.Trace);
        Pic = new Pic8259Pair(parts.Trace);
        Interrupts = Pic;
        _memoryBus = new MemoryMappedBus(parts.Trace);
        AttachInterruptControllers(parts);
        AttachTimers(parts, clock);
        AttachKeyboardController(parts, power);
        AttachPower(power);
        AttachLegacy(parts, clock);
        Pci = AttachPci(parts, power);
        AttachIde(parts);
        AttachNetworkCard(parts);

        var uart = new Uart16550(Pic.Line(MachineLayout.SerialIrq), parts.Serial);
        Bus.Attach(uart, MachineLayout.Serial, 8);
        Deadlines.Add(uart);
        BiosHandover.Apply(Bus);
    }

    public PortBus Bus { get; }

    /// <summary>The guest's end of its network cable; null without a network.</summary>
    public GuestPort? Cable => _cable;

    /// <summary>Takes the network card away: the guest uses its cable in another way from now on.</summary>
    public void UnplugNetworkCard()
    {
        if (_cable is not null)
        {
            Pci.Remove(MachineLayout.NetworkSlot);
            _cable.Arrived = _cable.Writable = null;
        }
    }

    /// <summary>Takes all IDE drives away: the guest drives the same disks in another way from now on.</summary>
    public void UnplugDisks() => Array.ForEach(_ide, channel => channel.Unplug());

    public Pic8259Pair Pic { get; }

    /// <summary>What drives the processor's interrupt input.</summary>
    public IInterruptSource Interrupts { get; private set; }

    /// <summary>Puts APICs between the 8259As and the processor, before it runs, and tells kernels of them.</summary>
    /// <param name="register">The processor's; where it says, the local APIC is.</param>
    /// <param name="changed">As <see cref="LocalApic"/> says.</param>
    public void AddApics(ApicFitting fitting, ApicBaseRegister register, IClock clock, Action changed)
    {
        var apic = new LocalApic(clock, Pic, changed) { IsPresent = register.IsEnabled };
        _memoryBus.AttachFixed(apic, register.IsEnabled ? register.Address : null, LocalApic.Size);
        register.Changed += () =>
        {
            apic.IsPresent = register.IsEnabled;
            _memoryBus.MoveFixed(apic, register.IsEnabled ? register.Address : null);
            changed();
        };
        Deadlines.Add(apic);
        Interrupts = apic;
        if (fitting == ApicFitting.On)
        {
            var io = new IoApic(apic, changed);
            (apic.Io, Pic.Companion) = (io, io);
            _memoryBus.AttachFixed(io, MachineLayout.IoApic, IoApic.Size);
            BiosHandover.SetVirtualWire(apic);
            MultiprocessorTable.Write(_parts.Memory, Pci.InterruptRoutes());
        }
        else
        {
            Bus.Attach(new InterruptModeRegister(apic), MachineLayout.InterruptMode, 2);
            if (fitting == ApicFitting.Local)
            {
                MultiprocessorTable.WriteWithoutIoApic(_parts.Memory);
            }
        }
    }

    public PciBus Pci { get; }

    public DeadlineQueue Deadlines { get; } = new();

    /// <summary>Where threads that work for a device report back.</summary>
    public CompletionQueue Completions { get; }

    /// <summary>Ends what devices still do on other threads; afterwards nothing touches guest RAM or disks any more.</summary>
    public void Dispose()
    {
        _workers.ForEach(worker => worker.Stop());
        if (_cable is not null)
        {
            _parts.Network!.Network.RemoveGuest(_cable);
            _cable = null;
        }
    }

    /// <summary>Processor time of the threads that work for devices. Any thread.</summary>
    public long WorkerNanoseconds => _workers.Sum(worker => worker.ProcessorNanoseconds) + _parts.Disks.Sum(disk => disk.ThreadNanoseconds);

    private DeviceWorker Worker(string name)
    {
        var worker = new DeviceWorker(name, Completions);
        _workers.Add(worker);
        return worker;
    }

    private void AttachInterruptControllers(PlatformParts parts)
    {
        // 82371AB: inputs 0, 1, 2, 8 and 13 are always edge-triggered.
        Bus.Attach(Pic.Master, MachineLayout.MasterPic, 2);
        Bus.Attach(Pic.Slave, MachineLayout.SlavePic, 2);
        Bus.Attach(Pic.Master.EdgeLevelControl(0xF8), MachineLayout.MasterPicElcr, 1);
        Bus.Attach(Pic.Slave.EdgeLevelControl(0xDE), MachineLayout.SlavePicElcr, 1);
    }

    private void AttachTimers(PlatformParts parts, IClock clock)
    {
        var pit = new Pit8254(clock, Pic.Line(MachineLayout.TimerIrq), parts.Trace);
        var rtc = new Rtc146818(clock, Pic.Line(MachineLayout.RtcIrq), parts.Memory.RamLength);
        Bus.Attach(pit, MachineLayout.Pit, 4);
        Bus.Attach(new SystemControlPortB(pit, clock), MachineLayout.SystemControlB, 1);
        Bus.Attach(rtc, MachineLayout.Cmos, 2);
        Deadlines.Add(pit);
        Deadlines.Add(rtc);
    }

    private void AttachKeyboardController(PlatformParts parts, IPowerControl power)
    {
        var a20 = new A20Gate();
        var keyboard = new I8042(Pic.Line(MachineLayout.KeyboardIrq), Pic.Line(MachineLayout.MouseIrq), a20, power, parts.Trace);
        Bus.Attach(keyboard.DataPort, MachineLayout.KeyboardData, 1);
        Bus.Attach(keyboard.CommandPort, MachineLayout.KeyboardCommand, 1);
        Bus.Attach(new SystemControlPortA(a20, power), MachineLayout.SystemControlA, 1);
    }

    private void AttachIde(PlatformParts parts)
    {
        DiskImage? Disk(int index) => index < parts.Disks.Count ? parts.Disks[index] : null;
        PciFunction? function = null;
        IdeBusMaster[] masters = [.. Enumerable.Range(0, 2).Select(_ =>
            new IdeBusMaster(parts.Memory, () => function!.IsBusMaster, Worker("disk")))];
        function = Piix3Ide.Function(masters[0], masters[1]);
        Pci.Add(function, MachineLayout.Piix3Slot, number: 1);
        IdeChannel primary = _ide[0] = new IdeChannel([Disk(0), Disk(1)], 1, Pic.Line(MachineLayout.PrimaryIdeIrq), masters[0], parts.Trace);
        IdeChannel secondary = _ide[1] = new IdeChannel([Disk(2), Disk(3)], 3, Pic.Line(MachineLayout.SecondaryIdeIrq), masters[1], parts.Trace);
        Bus.Attach(primary.CommandBlock, MachineLayout.PrimaryIde, 8);
        Bus.Attach(primary.ControlBlock, MachineLayout.PrimaryIdeControl, 1);
        Bus.Attach(secondary.CommandBlock, MachineLayout.SecondaryIde, 8);
        Bus.Attach(secondary.ControlBlock, MachineLayout.SecondaryIdeControl, 1);
    }

    private void AttachNetworkCard(PlatformParts parts)
    {
        if (parts.Network is not null)
        {
            _cable = parts.Network.Connect(Completions);
            Pci.Add(Rtl8139.Create(parts.Memory, _cable), MachineLayout.NetworkSlot);
        }
    }

    private void AttachPower(IPowerControl power)
    {
        Bus.Attach(new DebugExit(power), MachineLayout.DebugExit, 4);
        Bus.Attach(new PowerOffPort("port 0x604", power), MachineLayout.PowerOff, 2);
        Bus.Attach(new PowerOffPort("port 0xb004", power), MachineLayout.BochsPowerOff, 2);
    }

    private PciBus AttachPci(PlatformParts parts, IPowerControl power)
    {
        var router = new PirqRouter(Pic);
        var pci = new PciBus(Bus, _memoryBus, router);
        pci.Add(I440Fx.HostBridge(), MachineLayout.HostBridgeSlot);
        pci.Add(I440Fx.IsaBridge(router), MachineLayout.Piix3Slot);
        Bus.Attach(new PciConfigPorts(pci, power), MachineLayout.PciConfig, 8);
        parts.Memory.Devices = _memoryBus;
        return pci;
    }

    private void AttachLegacy(PlatformParts parts, IClock clock)
    {
        var vga = new VgaText(clock);
        Bus.Attach(new Dma8237(portShift: 0), MachineLayout.Dma8, 16);
        Bus.Attach(new Dma8237(portShift: 1), MachineLayout.Dma16, 32);
        Bus.Attach(new PostPort(), MachineLayout.Post, 1);
        Bus.Attach(new DmaPageRegisters(), MachineLayout.DmaPages, 15);
        Bus.Attach(new FirmwareConfiguration(parts.Memory.RamLength), MachineLayout.FirmwareConfiguration, 2);
        Bus.Attach(vga.Crtc, MachineLayout.VgaCrtc, 2);
        Bus.Attach(vga.Status, MachineLayout.VgaStatus, 1);
    }
}
