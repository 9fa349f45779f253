// The other two kinds of result: a value for EAX, and leaving it to the guest after all.
using Runtime.Abi.Shims;

namespace UkernelShims;

public static class StringShims
{
    /// <summary>uint32_t string_length(const char *s)</summary>
    [ReplacesFunction("string_length")]
    public static uint Length(IShimContext vcpu)
    {
        uint start = vcpu.Argument(0);
        uint end = start;
        while (vcpu.ReadMemory(SegmentName.Ds, end, 1) != 0)
            end++;
        return end - start;
    }

    /// <summary>void *memset(void *to, int byte, uint32_t count): nothing to do for an empty range, the guest's own code for others.</summary>
    [ReplacesFunction("memset")]
    public static bool Set(IShimContext vcpu)
    {
        if (vcpu.Argument(2) != 0)
            return false;
        vcpu.Eax = vcpu.Argument(0);
        return true;
    }
}
