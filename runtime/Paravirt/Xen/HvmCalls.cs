using Runtime.Abi.Xen;
using Runtime.Time;

namespace Runtime.Paravirt.Xen;

/// <summary>hvm_op (34): parameters by which guest and platform find each other.</summary>
internal sealed class HvmCalls(HvmParameters parameters, IClock clock, ArgumentMemory memory)
{
    public int Perform(HvmOperation operation, uint argument) => operation switch
    {
        HvmOperation.SetParameter => memory.Update(argument, (ref HvmParameterArguments set) =>
            !IsSelf(set.Domain) ? XenError.NotPermitted : parameters.Set(set.Index, set.Value)),
        HvmOperation.GetParameter => memory.Update(argument, (ref HvmParameterArguments get) =>
            !IsSelf(get.Domain) ? XenError.NotPermitted : parameters.TryGet(get.Index, out get.Value) ? XenError.None : XenError.Invalid),
        HvmOperation.GetTime => memory.TryWrite(argument, clock.Now) ? 0 : ArgumentMemory.Failed(XenError.Fault),
        // pagetable_dying is a hint for shadow pagers that trace page tables; this one compares them (Linux asks once whether it exists).
        _ => ArgumentMemory.Failed(XenError.NoSystemCall),
    };

    private static bool IsSelf(ushort domain) => domain is DomainId.Self or DomainId.FirstGuest;
}
