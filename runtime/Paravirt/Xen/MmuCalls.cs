using System.Runtime.CompilerServices;
using Runtime.Abi.Xen;
using Runtime.Engines.Interpreter;

namespace Runtime.Paravirt.Xen;

/// <summary>mmu_update (1) and mmuext_op (26): changes of page tables in batches, each validated. A batch stops at the first element that fails;
/// how many were done is written where the guest asks for it.</summary>
internal sealed class MmuCalls(PageTypes types, Cpu processor, ArgumentMemory memory)
{
    private const uint MostElements = 1 << 16;

    public int Update(uint list, uint count, uint doneAt, uint domain)
        => Batch<MmuUpdateArguments>(list, count, doneAt, domain, Update);

    public int Extended(uint list, uint count, uint doneAt, uint domain)
        => Batch<MmuExtendedArguments>(list, count, doneAt, domain, Extended);

    private int Batch<T>(uint list, uint count, uint doneAt, uint domain, Func<T, XenError> perform)
        where T : unmanaged
    {
        if ((ushort)domain is not (DomainId.Self or DomainId.FirstGuest))
        {
            return ArgumentMemory.Failed(XenError.NotPermitted);
        }

        XenError error = count > MostElements ? XenError.Invalid : XenError.None;
        uint done = 0;
        while (error == XenError.None && done < count)
        {
            error = memory.TryRead(list + done * (uint)Unsafe.SizeOf<T>(), out T element) ? perform(element) : XenError.Fault;
            done += error == XenError.None ? 1u : 0;
        }

        // What was done is in force, whatever came after it.
        processor.FlushTranslations();
        return doneAt != 0 && !memory.TryWrite(doneAt, done) ? ArgumentMemory.Failed(XenError.Fault) : ArgumentMemory.Failed(error);
    }

    private XenError Update(MmuUpdateArguments update) => (MmuUpdateKind)(update.Pointer & 3) switch
    {
        MmuUpdateKind.Normal => types.Update(update.Pointer, update.Value, preserve: false),
        MmuUpdateKind.PreserveAccessedDirty => types.Update(update.Pointer & ~3ul, update.Value, preserve: true),
        // The guest's frame numbers are the machine's: there is no table between them.
        _ => XenError.NoSystemCall,
    };

    private XenError Extended(MmuExtendedArguments extended)
    {
        switch (extended.Operation)
        {
            case MmuExtendedOperation.PinL1Table or MmuExtendedOperation.PinL2Table or MmuExtendedOperation.PinL3Table:
                return types.Pin(extended.First, (int)extended.Operation + 1);
            case MmuExtendedOperation.UnpinTable:
                return types.Unpin(extended.First);
            case MmuExtendedOperation.NewBasePointer when types.IsRoot(extended.First):
                processor.State.Cr3 = extended.First << 12;
                return XenError.None;
            case MmuExtendedOperation.NewBasePointer:
                return XenError.Invalid;
            case MmuExtendedOperation.TlbFlushLocal or MmuExtendedOperation.TlbFlushAll or MmuExtendedOperation.InvalidatePageLocal or MmuExtendedOperation.InvalidatePageAll:
                // The whole batch ends with a flush.
                return XenError.None;
            default:
                return XenError.NoSystemCall;
        }
    }
}
