using Runtime.Abi.Xen;

namespace Runtime.Paravirt.Xen;

/// <summary>sched_op (29).</summary>
internal sealed class SchedulerCalls(XenInterfaces xen, ArgumentMemory memory)
{
    private const uint MostPorts = 128;

    /// <param name="wait">What the processor is to wait for before it goes on; null to go on.</param>
    public int Perform(SchedulerOperation operation, uint argument, out Func<bool>? wait)
    {
        wait = null;
        switch (operation)
        {
            case SchedulerOperation.Yield:
                return 0;
            case SchedulerOperation.Block:
                xen.Events.AllowUpcalls();
                wait = () => xen.Events.IsUpcallPending;
                return 0;
            case SchedulerOperation.Shutdown:
                return memory.TryRead(argument, out ShutdownReason reason) ? Shutdown(reason) : ArgumentMemory.Failed(XenError.Fault);
            case SchedulerOperation.Poll:
                return memory.TryRead(argument, out PollArguments poll) ? Poll(poll, out wait) : ArgumentMemory.Failed(XenError.Fault);
            default:
                return ArgumentMemory.Failed(XenError.NoSystemCall);
        }
    }

    private int Shutdown(ShutdownReason reason)
    {
        switch (reason)
        {
            case ShutdownReason.PowerOff:
                xen.Power.PowerOff("shutdown hypercall");
                return 0;
            case ShutdownReason.Reboot or ShutdownReason.SoftReset:
                xen.Power.Reset("shutdown hypercall");
                return 0;
            case ShutdownReason.Crash or ShutdownReason.Watchdog:
                xen.Kill("it says that it crashed (shutdown hypercall)");
                return 0;
            case ShutdownReason.Suspend:
                return ArgumentMemory.Failed(XenError.NoSystemCall);
            default:
                return ArgumentMemory.Failed(XenError.Invalid);
        }
    }

    private int Poll(in PollArguments poll, out Func<bool>? wait)
    {
        wait = null;
        if (poll.PortCount > MostPorts)
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        var ports = new uint[poll.PortCount];
        for (uint i = 0; i < ports.Length; i++)
        {
            if (!memory.TryRead(poll.Ports + i * sizeof(uint), out ports[i]))
            {
                return ArgumentMemory.Failed(XenError.Fault);
            }

            if (ports[i] is 0 or >= SharedInfoLayout.PortCount)
            {
                return ArgumentMemory.Failed(XenError.Invalid);
            }
        }

        if (Array.Exists(ports, xen.Events.IsPending))
        {
            return 0;
        }

        xen.Timers.StartPoll(poll.Timeout);
        xen.Events.IsPolling = true;
        wait = () =>
        {
            bool isOver = xen.Timers.IsPollOver || Array.Exists(ports, xen.Events.IsPending);
            xen.Events.IsPolling = !isOver;
            return isOver;
        };
        return 0;
    }
}
