// What a guest of Xen has besides its board: the shared page, event channels, grants, XenStore, console ring, ring devices, and the hypercalls
// that tie them together. PcPlatform's counterpart.
using Runtime.Abi.Xen;
using Runtime.Devices.Block;
using Runtime.Devices.Ethernet;
using Runtime.Devices.Pci;
using Runtime.Devices.Xen;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Events;
using Runtime.Loading;
using Runtime.Memory;
using Runtime.Network;
using Runtime.Paravirt.Xen;
using Runtime.Time;
using Runtime.XenStore;

namespace Runtime;

/// <summary>The hypervisor's side of one guest.</summary>
internal sealed class XenPlatform : IDisposable
{
    private const ushort Domain = DomainId.FirstGuest;

    private readonly XenHypercalls _hypercalls;
    private readonly PciFunction _device;
    private readonly List<XenbusDevice> _backends = [];
    private readonly CompletionQueue _completions;
    private CallbackType _callback;
    private byte _vector;
    private bool _hasCallback;

    /// <param name="processor">The interpreter on the guest's state: hypercall arguments are read through it.</param>
    public XenPlatform(PcPlatform board, Cpu processor, PlatformParts parts, IClock clock, VirtualMachine machine)
    {
        GuestMemory ram = parts.Memory;
        uint end = (uint)(ram.RamLength >> 12);
        var shared = new SharedInfo(ram, end - MachineLayout.XenSharedInfoFrame);
        Reservation reservation = Reservation = new Reservation(ram);
        _completions = board.Completions;
        Events = new EventChannels(shared, Domain, machine.Wake);
        Grants = new GrantTable(ram, reservation.IsOwned);
        Runstate = new RunstateClock(clock, new GuestArea(processor, ram));
        var timers = new VcpuTimers(Events, clock);
        board.Deadlines.Add(timers);
        var time = new SystemTime(Events, clock, processor.ReadTimeStamp, new GuestArea(processor, ram));
        board.Deadlines.Add(time);

        var types = new PageTypes(ram, reservation, () => (processor.State.Cr4 & ControlRegisters.Cr4Pae) != 0);
        var parameters = new HvmParameters { CallbackChanged = SetCallback };
        AttachStore(ram, end - MachineLayout.XenStoreFrame, parameters, machine);
        AttachConsole(board, ram, end - MachineLayout.XenConsoleFrame, parts, parameters, machine);
        _device = AttachPlatformDevice(board, ram);
        var interfaces = new XenInterfaces(Events, Grants, reservation, ram, types, processor, parameters, timers, Runstate, time, parts.RingTerminal, machine, machine.Kill, clock);
        var host = new BackendHost(Domain, Store, Events, Grants, ram, board.Completions, () => Runstate.IsBlocked, machine.Kill, clock, reservation);
        for (int i = 0; i < parts.Disks.Count; i++)
        {
            Add(new BlockBackend(host, parts.Disks[i], i));
        }

        if (board.Cable is GuestPort cable)
        {
            var network = new NetBackend(host, cable);
            board.Deadlines.Add(network);
            Add(network);
        }

        _hypercalls = new XenHypercalls(interfaces, new ArgumentMemory(processor));
    }

    public EventChannels Events { get; }

    public GrantTable Grants { get; }

    public Store Store { get; } = new();

    public RunstateClock Runstate { get; }

    /// <summary>The memory that the guest's balloon has left to it.</summary>
    public Reservation Reservation { get; }

    /// <summary>An upcall is due and the guest has said how it wants it.</summary>
    public bool IsUpcallPending => _hasCallback && Events.IsUpcallPending;

    /// <summary>Bytes of device memory that a machine with so much RAM needs behind it.</summary>
    public static ulong DeviceMemoryFor(ulong ramBytes) => DeviceMemoryAddress(ramBytes) + MachineLayout.XenPlatformMemory - ramBytes;

    /// <summary>The vector of a due upcall, or of one that may be due once <see cref="TrySettleUpcall"/> was asked. A guest that takes upcalls over an interrupt line finds that line set accordingly instead.</summary>
    public bool TryPendingVector(out byte vector)
    {
        vector = _vector;
        if (!_hasCallback)
        {
            return false;
        }

        if (_callback == CallbackType.Vector)
        {
            return Events.IsUpcallPending || Events.HasDeferred;
        }

        Events.SettleDeferred();
        _device.Interrupt!.Set(Events.IsUpcallPending);
        return false;
    }

    /// <summary>The guest can take an upcall now, or sleeps until it gets one: back ends say whether what they have is still news to it.</summary>
    /// <returns>Whether there is one.</returns>
    public bool TrySettleUpcall()
    {
        Events.SettleDeferred();
        return IsUpcallPending;
    }

    /// <summary>The processor has just been given back: writes its times to where the guest looks for them, if that can be written now.</summary>
    public void PublishRunstate() => Runstate.TryPublish();

    /// <summary>Performs the hypercall that the guest's registers name.</summary>
    /// <returns>What the processor is to wait for; null to go on.</returns>
    public Func<bool>? Perform(VcpuState state) => _hypercalls.Perform(state);

    /// <summary>Asks the guest to keep so much of its RAM, and lets it have no more. Any thread.</summary>
    public void LimitMemory(ulong bytes)
    {
        Reservation.Limit = (uint)(bytes >> 12);
        _completions.Post(() => GuestNodes.SetMemoryTarget(Store, Domain, bytes));
    }

    /// <summary>The guest waits for a back end.</summary>
    public bool IsAwaitingDevice => _backends.Exists(backend => backend.IsAtWork);

    /// <summary>Processor time that back ends used on threads of their own.</summary>
    public long ThreadNanoseconds => _backends.Sum(backend => backend.ThreadNanoseconds);

    /// <summary>Offers a ring device to the guest.</summary>
    public void Add(XenbusDevice backend)
    {
        _backends.Add(backend);
        backend.Offer();
    }

    /// <summary>Back ends finish what is under way; nothing touches guest memory afterwards.</summary>
    public void Dispose() => _backends.ForEach(backend => backend.Dispose());

    private static ulong DeviceMemoryAddress(ulong ramBytes) => (ramBytes + MachineLayout.XenPlatformMemory - 1) & ~(MachineLayout.XenPlatformMemory - 1ul);

    private void AttachStore(GuestMemory ram, uint frame, HvmParameters parameters, VirtualMachine machine)
    {
        StoreRing? ring = null;
        uint port = 0;
        Events.OpenToBackend(() => ring!.Service(), out port);
        ring = new StoreRing(Store, Domain, ram, frame, () => Events.Raise(port), machine.Kill);
        parameters.Offer(HvmParameter.StoreFrame, frame);
        parameters.Offer(HvmParameter.StoreEventChannel, port);
        GuestNodes.Create(Store, Domain, ram.RamLength);
    }

    private void AttachConsole(PcPlatform board, GuestMemory ram, uint frame, PlatformParts parts, HvmParameters parameters, VirtualMachine machine)
    {
        XenConsole? console = null;
        uint port = 0;
        Events.OpenToBackend(() => console!.Service(), out port);
        console = new XenConsole(ram, frame, parts.RingTerminal, () => Events.Raise(port), machine.Kill);
        board.Deadlines.Add(console);
        parameters.Offer(HvmParameter.ConsoleFrame, frame);
        parameters.Offer(HvmParameter.ConsoleEventChannel, port);
    }

    private static PciFunction AttachPlatformDevice(PcPlatform board, GuestMemory ram)
    {
        PciFunction device = PlatformDevice.Create(MachineLayout.XenPlatformMemory);
        board.Pci.Add(device, MachineLayout.XenPlatformSlot);
        PlatformDevice.PlaceMemory(device, (uint)DeviceMemoryAddress(ram.RamLength));
        board.Bus.Attach(new UnplugPorts(board.UnplugDisks, board.UnplugNetworkCard), MachineLayout.XenUnplug, 4);
        return device;
    }

    /// <summary>The ISA interrupt and the PCI pin that a guest names here are both those of the platform device.</summary>
    private void SetCallback(ulong value)
    {
        _callback = (CallbackType)(value >> 56);
        _vector = (byte)value;
        _hasCallback = value != 0 && _callback is CallbackType.Gsi or CallbackType.PciPin or CallbackType.Vector;
    }
}
