// ukernel's console, written through the console ring (public/io/console.h): a text is a hypercall, not two exits a byte.
using Runtime.Abi.Shims;

namespace UkernelRings;

public static class ConsoleShims
{
    const uint Output = 1024, OutputLength = 2048, OutputConsumer = 3080, OutputProducer = 3084;

    /// <summary>void console_write(const char *text, uint32_t length)</summary>
    [ReplacesFunction("console_write")]
    public static bool Write(IShimContext vcpu)
    {
        uint text = vcpu.Argument(0), length = vcpu.Argument(1);
        if (!IsConnected(vcpu) || length > OutputLength)
            return false;
        uint page = Memory.Read(vcpu, Memory.ConsolePage), producer = Memory.Read(vcpu, page + OutputProducer);
        if (OutputLength - (producer - Memory.Read(vcpu, page + OutputConsumer)) < length)
            return false;
        // The producer last: a page of the text's that is not there makes the shim run again from its beginning, and nothing was sent then.
        for (uint i = 0; i < length; i++)
            vcpu.WriteMemory(SegmentName.Ds, page + Output + (producer + i) % OutputLength, 1, vcpu.ReadMemory(SegmentName.Ds, text + i, 1));
        Memory.Write(vcpu, page + OutputProducer, producer + length);
        Xen.Notify(vcpu, Memory.Read(vcpu, Memory.ConsolePort));
        return true;
    }

    static bool IsConnected(IShimContext vcpu)
    {
        uint state = Memory.Read(vcpu, Memory.ConsoleState);
        if (state == Memory.Connected || state == Memory.Absent)
            return state == Memory.Connected;
        uint frame = Xen.Parameter(vcpu, 17);
        Memory.Write(vcpu, Memory.ConsolePage, Memory.KernelBase + frame * Memory.PageSize);
        Memory.Write(vcpu, Memory.ConsolePort, Xen.Parameter(vcpu, 18));
        Memory.Write(vcpu, Memory.ConsoleState, frame != 0 ? Memory.Connected : Memory.Absent);
        return frame != 0;
    }
}
