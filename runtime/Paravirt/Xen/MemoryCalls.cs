using System.Runtime.CompilerServices;
using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Loading;
using Runtime.Memory;

namespace Runtime.Paravirt.Xen;

/// <summary>memory_op (12): what lies where in the guest's physical address space, and how much of it.</summary>
internal sealed class MemoryCalls(XenInterfaces xen, ArgumentMemory memory)
{
    /// <summary>The command's low bits; the rest says at which extent a batch goes on.</summary>
    private const int CommandBits = 6;

    public int Perform(uint command, uint argument)
    {
        var operation = (MemoryOperation)(command & ((1u << CommandBits) - 1));
        uint start = command >> CommandBits;
        return operation switch
        {
            MemoryOperation.AddToPhysmap => AddToPhysmap(argument),
            MemoryOperation.RemoveFromPhysmap => RemoveFromPhysmap(argument),
            MemoryOperation.DecreaseReservation => Reserve(argument, start, TryGiveBack),
            MemoryOperation.PopulatePhysmap => Reserve(argument, start, xen.Reservation.TryPopulate),
            // Without machine frames to hand out, memory comes back where the guest wants it (populate_physmap) only.
            MemoryOperation.IncreaseReservation => 0,
            MemoryOperation.CurrentReservation => (int)xen.Reservation.Current,
            MemoryOperation.MaximumReservation => (int)xen.Reservation.Maximum,
            MemoryOperation.MaximumRamPage or MemoryOperation.MaximumGpfn => (int)xen.Reservation.Maximum - 1,
            MemoryOperation.MemoryMap => CopyMemoryMap(argument),
            _ => ArgumentMemory.Failed(XenError.NoSystemCall),
        };
    }

    private int AddToPhysmap(uint argument)
    {
        if (!memory.TryRead(argument, out AddToPhysmapArguments add))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if (add.Domain is not (DomainId.Self or DomainId.FirstGuest))
        {
            return ArgumentMemory.Failed(XenError.NotPermitted);
        }

        if (!xen.Reservation.CanPlace(add.Frame))
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        switch (add.Space)
        {
            case PhysmapSpace.SharedInfo when add.Index == 0:
                xen.Events.Quietly(shared => shared.MoveTo(add.Frame));
                xen.Time.Publish();
                break;
            case PhysmapSpace.GrantTable when add.Index < GrantTable.MaximumFrames:
                xen.Grants.TryGrow((int)add.Index + 1);
                xen.Grants.Place((int)add.Index, add.Frame);
                break;
            default:
                return ArgumentMemory.Failed(XenError.Invalid);
        }

        xen.Ram.StoredByDevice?.Invoke(new GuestPhysicalAddress((ulong)add.Frame << 12), GuestMemory.FrameSize);
        return 0;
    }

    /// <summary>What the balloon driver calls when a page of its own is to go; grants and the shared page stay where they are.</summary>
    private int RemoveFromPhysmap(uint argument)
    {
        if (!memory.TryRead(argument, out RemoveFromPhysmapArguments remove))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        return remove.Domain is not (DomainId.Self or DomainId.FirstGuest) ? ArgumentMemory.Failed(XenError.NotPermitted)
            : TryGiveBack(remove.Frame) ? 0 : ArgumentMemory.Failed(XenError.Invalid);
    }

    /// <summary>A page table stays one until it is unpinned.</summary>
    private bool TryGiveBack(uint frame) => !xen.Types.IsTable(frame) && xen.Reservation.TryGiveBack(frame);

    /// <summary>Returns how many extents were done; the guest sees from that which one failed.</summary>
    private int Reserve(uint argument, uint start, Func<uint, bool> operation)
    {
        if (!memory.TryRead(argument, out MemoryReservationArguments arguments))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if (arguments.Domain is not (DomainId.Self or DomainId.FirstGuest))
        {
            return ArgumentMemory.Failed(XenError.NotPermitted);
        }

        // Frame by frame: guests without devices that need contiguous machine memory never ask for more.
        if (arguments.ExtentOrder != 0)
        {
            return ArgumentMemory.Failed(XenError.NotPermitted);
        }

        uint done = start;
        while (done < arguments.ExtentCount && memory.TryRead(arguments.ExtentStart + done * sizeof(uint), out uint frame) && operation(frame))
        {
            done++;
        }

        return (int)done;
    }

    private int CopyMemoryMap(uint argument)
        => memory.Update(argument, (ref MemoryMapArguments map) =>
        {
            IReadOnlyList<MultibootMemoryRegion> regions = MemoryMap.For(xen.Ram.RamLength);
            uint count = Math.Min(map.EntryCount, (uint)regions.Count);
            for (int i = 0; i < count; i++)
            {
                var entry = new MemoryMapEntry { Address = regions[i].Address, Length = regions[i].Length, Type = regions[i].Type };
                if (!memory.TryWrite(map.Buffer + (uint)(i * Unsafe.SizeOf<MemoryMapEntry>()), entry))
                {
                    return XenError.Fault;
                }
            }

            map.EntryCount = count;
            return XenError.None;
        });
}
