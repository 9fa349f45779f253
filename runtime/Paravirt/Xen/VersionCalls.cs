using System.Text;
using Runtime.Abi.Xen;

namespace Runtime.Paravirt.Xen;

/// <summary>xen_version (17): what there is.</summary>
internal sealed class VersionCalls(ArgumentMemory memory)
{
    private const int ExtraVersionLength = 16, CapabilitiesLength = 1024, HandleLength = 16;

    /// <summary>The guest manages its own page tables, in its own frame numbers, takes events by a vector and reads the time by itself.</summary>
    private const XenFeatures Features = XenFeatures.WritablePageTables | XenFeatures.AutoTranslatedPhysmap | XenFeatures.HvmCallbackVector
        | XenFeatures.HvmSafePvclock;

    public int Perform(VersionOperation operation, uint argument) => operation switch
    {
        VersionOperation.Version => (int)XenCpuid.Version,
        VersionOperation.ExtraVersion => Text(argument, ".0-rewriter", ExtraVersionLength),
        VersionOperation.Capabilities => Text(argument, "hvm-3.0-x86_32 hvm-3.0-x86_32p ", CapabilitiesLength),
        VersionOperation.GetFeatures => memory.Update(argument, (ref FeatureArguments query) =>
        {
            query.Features = query.Submap == 0 ? (uint)Features : 0;
            return query.Submap == 0 ? XenError.None : XenError.Invalid;
        }),
        VersionOperation.PageSize => 4096,
        VersionOperation.GuestHandle => memory.TryWrite(argument, new byte[HandleLength]) ? 0 : ArgumentMemory.Failed(XenError.Fault),
        _ => ArgumentMemory.Failed(XenError.NoSystemCall),
    };

    private int Text(uint argument, string text, int length)
    {
        var bytes = new byte[length];
        Encoding.ASCII.GetBytes(text, bytes);
        return memory.TryWrite(argument, bytes) ? 0 : ArgumentMemory.Failed(XenError.Fault);
    }
}
