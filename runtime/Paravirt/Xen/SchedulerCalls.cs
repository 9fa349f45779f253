using Runtime.Abi.Xen;
using Runtime.Devices;
using Runtime.Events;

namespace Runtime.Paravirt.Xen;

/// <summary>sched_op (29).</summary>
internal sealed class SchedulerCalls(EventChannels events, VcpuTimers timers, IPowerControl power, ArgumentMemory memory)
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
                events.AllowUpcalls();
                wait = () => events.IsUpcallPending;
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
                power.PowerOff("shutdown hypercall");
                return 0;
            case ShutdownReason.Reboot or ShutdownReason.SoftReset:
                power.Reset("shutdown hypercall");
                return 0;
            case ShutdownReason.Crash or ShutdownReason.Watchdog:
                power.Crash("it said that it crashed (shutdown hypercall)");
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

        if (Array.Exists(ports, events.IsPending))
        {
            return 0;
        }

        timers.StartPoll(poll.Timeout);
        events.IsPolling = true;
        wait = () =>
        {
            bool isOver = timers.IsPollOver || Array.Exists(ports, events.IsPending);
            events.IsPolling = !isOver;
            return isOver;
        };
        return 0;
    }
}
