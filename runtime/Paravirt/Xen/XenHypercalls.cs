// From a VMCALL exit to its effect: number and arguments from the guest's registers, one method per sub-operation, the result in EAX.
using Runtime.Abi.Xen;
using Runtime.Engines;

namespace Runtime.Paravirt.Xen;

/// <summary>The hypercalls of one guest. What a number or an argument asks for is validated here and below; nothing that it can hold does more
/// than fail.</summary>
internal sealed class XenHypercalls(XenInterfaces xen, ArgumentMemory memory)
{
    private const uint MostCallsInBatch = 1024;

    private readonly EventChannelCalls _events = new(xen.Events, memory);
    private readonly GrantTableCalls _grants = new(xen.Grants, xen.Reservation, xen.Ram, memory);
    private readonly MemoryCalls _memory = new(xen, memory);
    private readonly MmuCalls _mmu = new(xen.Types, xen.Processor, memory);
    private readonly VersionCalls _version = new(memory);
    private readonly HvmCalls _hvm = new(xen.Parameters, xen.Clock, memory);
    private readonly ConsoleCalls _console = new(xen.Output, memory);
    private readonly SchedulerCalls _scheduler = new(xen, memory);
    private readonly VcpuCalls _vcpu = new(xen.Events, xen.Timers, xen.Runstate, xen.Time, xen.Reservation, memory);

    /// <summary>Performs the hypercall that the registers name.</summary>
    /// <returns>What the processor waits for before it goes on; null to go on.</returns>
    public Func<bool>? Perform(VcpuState state)
    {
        var arguments = new HypercallArguments(
            state.Gpr[VcpuState.Ebx], state.Gpr[VcpuState.Ecx], state.Gpr[VcpuState.Edx], state.Gpr[VcpuState.Esi], state.Gpr[VcpuState.Edi]);
        int result = Perform((HypercallNumber)state.Gpr[VcpuState.Eax], arguments, out Func<bool>? wait);
        state.Gpr[VcpuState.Eax] = (uint)result;
        return wait;
    }

    private int Perform(HypercallNumber number, in HypercallArguments arguments, out Func<bool>? wait)
    {
        wait = null;
        (uint first, uint second, uint third) = (arguments.First, arguments.Second, arguments.Third);
        return number switch
        {
            HypercallNumber.EventChannelOp => _events.Perform((EventChannelOperation)first, second),
            HypercallNumber.GrantTableOp => _grants.Perform((GrantTableOperation)first, second, third),
            HypercallNumber.MemoryOp => _memory.Perform(first, second),
            HypercallNumber.MmuUpdate => _mmu.Update(first, second, third, arguments.Fourth),
            HypercallNumber.MmuExtendedOp => _mmu.Extended(first, second, third, arguments.Fourth),
            HypercallNumber.XenVersion => _version.Perform((VersionOperation)first, second),
            HypercallNumber.HvmOp => _hvm.Perform((HvmOperation)first, second),
            HypercallNumber.ConsoleIo => _console.Perform(first, second, third),
            HypercallNumber.SchedOp => _scheduler.Perform((SchedulerOperation)first, second, out wait),
            HypercallNumber.VcpuOp => _vcpu.Perform((VcpuOperation)first, second, third),
            HypercallNumber.SetTimerOp => SetTimer((ulong)second << 32 | first),
            HypercallNumber.Multicall => Multicall(first, second),
            _ => ArgumentMemory.Failed(XenError.NoSystemCall),
        };
    }

    /// <summary>A 32-bit guest passes the deadline in two registers.</summary>
    private int SetTimer(ulong deadline)
    {
        xen.Timers.SetSingleshot(deadline);
        return 0;
    }

    /// <summary>Performs a list of hypercalls in order; each has its own result. A call that would wait does not wait in a list.</summary>
    private int Multicall(uint list, uint count)
    {
        if (count > MostCallsInBatch)
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        return memory.UpdateEach<MulticallEntry>(list, count, call =>
        {
            ref MulticallEntry entry = ref call.Value;
            var number = (HypercallNumber)entry.Operation;
            entry.Result = number == HypercallNumber.Multicall
                ? ArgumentMemory.Failed(XenError.Invalid)
                : Perform(number, new HypercallArguments(entry.First, entry.Second, entry.Third, entry.Fourth, entry.Fifth), out _);
        });
    }
}
