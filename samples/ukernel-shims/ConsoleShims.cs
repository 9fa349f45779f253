// ukernel's console: it asks the UART before each byte whether that is ready, which are two exits a byte. This is one exit a text.
using Runtime.Abi.Shims;

namespace UkernelShims;

public static class ConsoleShims
{
    const ushort Com1 = 0x3F8;
    const uint PageSize = 4096;

    /// <summary>void console_write(const char *text, uint32_t length)</summary>
    [ReplacesFunction("console_write")]
    public static void Write(IShimContext vcpu)
    {
        uint text = vcpu.Argument(0);
        uint length = vcpu.Argument(1);
        Touch(vcpu, text, length);
        for (uint i = 0; i < length; i++)
            vcpu.Out(Com1, 1, vcpu.ReadMemory(SegmentName.Ds, text + i, 1));
    }

    // A page that is not present makes the shim run again from its beginning: that must not happen with half of the text sent.
    static void Touch(IShimContext vcpu, uint text, uint length)
    {
        for (uint i = 0; i < length; i += PageSize)
            vcpu.ReadMemory(SegmentName.Ds, text + i, 1);
        if (length != 0)
            vcpu.ReadMemory(SegmentName.Ds, text + length - 1, 1);
    }
}
