// The hypercalls that the front ends need (public/event_channel.h, memory.h, hvm/hvm_op.h, sched.h).
using Runtime.Abi.Shims;

namespace UkernelRings;

static class Xen
{
    const uint MemoryOp = 12, SchedOp = 29, EventChannelOp = 32, HvmOp = 34;
    const uint Self = 0x7FF0;

    /// <summary>Has a page of the hypervisor's appear at a frame.</summary>
    /// <param name="space">0 shared info, 1 grant table.</param>
    public static bool Place(IShimContext vcpu, uint space, uint frame)
    {
        Memory.Write(vcpu, Memory.Arguments, Self);
        Memory.Write(vcpu, Memory.Arguments + 4, space);
        Memory.Write(vcpu, Memory.Arguments + 8, 0);
        Memory.Write(vcpu, Memory.Arguments + 12, frame);
        return vcpu.Hypercall(MemoryOp, 7, Memory.Arguments) == 0;
    }

    /// <summary>A parameter of the machine; 0 where there is none, or no Xen.</summary>
    public static uint Parameter(IShimContext vcpu, uint index)
    {
        Memory.Write(vcpu, Memory.Arguments, Self);
        Memory.Write(vcpu, Memory.Arguments + 4, index);
        return vcpu.Hypercall(HvmOp, 1, Memory.Arguments) == 0 ? Memory.Read(vcpu, Memory.Arguments + 8) : 0;
    }

    /// <summary>An event channel for the back end, domain 0, to connect to. It is masked: nothing interrupts the guest, who polls.</summary>
    public static uint AllocatePort(IShimContext vcpu)
    {
        Memory.Write(vcpu, Memory.Arguments, Self);
        if (vcpu.Hypercall(EventChannelOp, 6, Memory.Arguments) != 0)
            return 0;
        uint port = Memory.Read(vcpu, Memory.Arguments + 4);
        SetBit(vcpu, Memory.Shared + 0x880, port, true);
        return port;
    }

    public static void Notify(IShimContext vcpu, uint port)
    {
        Memory.Write(vcpu, Memory.Arguments, port);
        vcpu.Hypercall(EventChannelOp, 4, Memory.Arguments);
    }

    /// <summary>What comes from now on ends the next wait. No other back end raises events beside the vcpu, so no bit is lost to this one.</summary>
    public static void ForgetEvent(IShimContext vcpu, uint port) => SetBit(vcpu, Memory.Shared + 0x800, port, false);

    /// <summary>Waits for the event of a port: the shim ends here and runs again when it has come.</summary>
    public static void Wait(IShimContext vcpu, uint port)
    {
        Memory.Write(vcpu, Memory.Arguments, Memory.Arguments + 16);
        Memory.Write(vcpu, Memory.Arguments + 4, 1);
        Memory.Write(vcpu, Memory.Arguments + 8, 0);
        Memory.Write(vcpu, Memory.Arguments + 12, 0);
        Memory.Write(vcpu, Memory.Arguments + 16, port);
        vcpu.Hypercall(SchedOp, 3, Memory.Arguments);
    }

    static void SetBit(IShimContext vcpu, uint array, uint bit, bool value)
    {
        uint address = array + bit / 32 * 4;
        uint mask = 1u << (int)(bit % 32);
        uint before = Memory.Read(vcpu, address);
        Memory.Write(vcpu, address, value ? before | mask : before & ~mask);
    }
}
