using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Memory;

namespace Runtime.Paravirt.Xen;

/// <summary>vcpu_op (24) of the one virtual processor, number 0.</summary>
internal sealed class VcpuCalls(EventChannels events, VcpuTimers timers, RunstateClock runstate, SystemTime time, Reservation reservation, ArgumentMemory memory)
{
    public int Perform(VcpuOperation operation, uint vcpu, uint argument)
    {
        if (vcpu != 0)
        {
            return ArgumentMemory.Failed(XenError.NoEntry);
        }

        switch (operation)
        {
            case VcpuOperation.IsUp:
                return 1;
            case VcpuOperation.GetRunstate:
                return memory.TryWrite(argument, runstate.Read()) ? 0 : ArgumentMemory.Failed(XenError.Fault);
            case VcpuOperation.RegisterRunstateArea:
                return RegisterRunstateArea(argument);
            case VcpuOperation.RegisterTimeArea:
                return RegisterTimeArea(argument);
            case VcpuOperation.SetPeriodicTimer:
                return SetPeriodicTimer(argument);
            case VcpuOperation.StopPeriodicTimer:
                timers.StopPeriodic();
                return 0;
            case VcpuOperation.SetSingleshotTimer:
                return SetSingleshotTimer(argument);
            case VcpuOperation.StopSingleshotTimer:
                timers.StopSingleshot();
                return 0;
            case VcpuOperation.RegisterVcpuInfo:
                return RegisterVcpuInfo(argument);
            default:
                return ArgumentMemory.Failed(XenError.NoSystemCall);
        }
    }

    private int RegisterRunstateArea(uint argument)
    {
        if (!memory.TryRead(argument, out uint area))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        runstate.Area.Register(area);
        return runstate.TryPublish() ? 0 : ArgumentMemory.Failed(XenError.Fault);
    }

    private int RegisterTimeArea(uint argument)
    {
        if (!memory.TryRead(argument, out uint area))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        time.Area.Register(area);
        return time.TryPublishCopy() ? 0 : ArgumentMemory.Failed(XenError.Fault);
    }

    private int SetPeriodicTimer(uint argument)
    {
        if (!memory.TryRead(argument, out ulong period))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if (period < VcpuTimers.ShortestPeriod)
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        timers.SetPeriodic(period);
        return 0;
    }

    private int SetSingleshotTimer(uint argument)
    {
        if (!memory.TryRead(argument, out SingleshotTimerArguments set))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if ((set.Flags & SingleshotTimerArguments.MustBeInFuture) != 0 && set.Timeout < (ulong)timers.Now)
        {
            return ArgumentMemory.Failed(XenError.TimeExpired);
        }

        timers.SetSingleshot(set.Timeout);
        return 0;
    }

    private int RegisterVcpuInfo(uint argument)
    {
        if (!memory.TryRead(argument, out RegisterVcpuInfoArguments register))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if (register.Offset > 4096 - SharedInfoLayout.VcpuInfoLength || register.Offset % sizeof(uint) != 0
            || register.Frame > uint.MaxValue || !reservation.CanPlace((uint)register.Frame))
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        events.Quietly(shared => shared.MoveVcpuInfo((uint)register.Frame, register.Offset));
        events.SuspectAll();
        time.Publish();
        return 0;
    }
}
