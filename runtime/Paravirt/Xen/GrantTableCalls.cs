using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Memory;

namespace Runtime.Paravirt.Xen;

/// <summary>grant_table_op (20). A guest grants pages to back ends; nobody grants pages to a guest, so there is nothing that it could map.</summary>
internal sealed class GrantTableCalls(GrantTable grants, Reservation reservation, GuestMemory ram, ArgumentMemory memory)
{
    private const uint Version1 = 1;

    /// <summary>Elements of one batch; Linux sends 16 at most.</summary>
    private const uint MaximumBatch = 4096;

    public int Perform(GrantTableOperation operation, uint argument, uint count)
    {
        if (count > MaximumBatch)
        {
            return ArgumentMemory.Failed(XenError.Invalid);
        }

        return operation switch
        {
            GrantTableOperation.SetupTable when count == 1 => memory.UpdateEach<SetupTableArguments>(argument, count, SetupTable),
            GrantTableOperation.QuerySize when count == 1 => memory.UpdateEach<QuerySizeArguments>(argument, count, QuerySize),
            GrantTableOperation.GetVersion when count == 1 => memory.Update(argument, (ref GetVersionArguments query) =>
            {
                query.Version = Version1;
                return IsSelf(query.Domain) ? XenError.None : XenError.NotPermitted;
            }),
            // Version 2 is not offered; guests then take version 1.
            GrantTableOperation.SetVersion when count == 1 => memory.Update(argument, (ref uint version) =>
            {
                bool isKnown = version == Version1;
                version = Version1;
                return isKnown ? XenError.None : XenError.Invalid;
            }),
            GrantTableOperation.Copy => memory.UpdateEach<GrantCopyArguments>(argument, count, copy => copy.Value.Status = Copy(copy.Value)),
            GrantTableOperation.MapGrantReference => memory.UpdateEach<MapGrantArguments>(argument, count, map => map.Value.Status = GrantStatus.BadDomain),
            GrantTableOperation.UnmapGrantReference => memory.UpdateEach<UnmapGrantArguments>(argument, count, unmap => unmap.Value.Status = GrantStatus.BadHandle),
            GrantTableOperation.SetupTable or GrantTableOperation.QuerySize or GrantTableOperation.GetVersion or GrantTableOperation.SetVersion => ArgumentMemory.Failed(XenError.Invalid),
            _ => ArgumentMemory.Failed(XenError.NoSystemCall),
        };
    }

    private static bool IsSelf(ushort domain) => domain is DomainId.Self or DomainId.FirstGuest;

    private void SetupTable(ArgumentReference<SetupTableArguments> setup)
    {
        ref SetupTableArguments arguments = ref setup.Value;
        if (!IsSelf(arguments.Domain))
        {
            arguments.Status = GrantStatus.BadDomain;
            return;
        }

        if (arguments.FrameCount > GrantTable.MaximumFrames || !grants.TryGrow((int)arguments.FrameCount))
        {
            arguments.Status = GrantStatus.GeneralError;
            return;
        }

        arguments.Status = GrantStatus.Okay;
        for (int i = 0; i < arguments.FrameCount; i++)
        {
            // A frame that the guest has not placed yet has no number to give.
            if (!memory.TryWrite(arguments.FrameList + (uint)i * sizeof(uint), grants.FrameAt(i) ?? uint.MaxValue))
            {
                arguments.Status = GrantStatus.BadVirtualAddress;
                return;
            }
        }
    }

    private void QuerySize(ArgumentReference<QuerySizeArguments> query)
    {
        query.Value.Status = IsSelf(query.Value.Domain) ? GrantStatus.Okay : GrantStatus.BadDomain;
        (query.Value.FrameCount, query.Value.MaximumFrameCount) = ((uint)grants.FrameCount, GrantTable.MaximumFrames);
    }

    /// <summary>Between frames of the guest's own; what it granted to others is no longer only its own to copy, and others grant it nothing.</summary>
    private GrantStatus Copy(in GrantCopyArguments copy)
    {
        if (!IsSelf(copy.Source.Domain) || !IsSelf(copy.Destination.Domain))
        {
            return GrantStatus.BadDomain;
        }

        if ((copy.Flags & (GrantCopyArguments.SourceIsReference | GrantCopyArguments.DestinationIsReference)) != 0)
        {
            return GrantStatus.BadReference;
        }

        if (copy.Source.Offset + copy.Length > 4096 || copy.Destination.Offset + copy.Length > 4096)
        {
            return GrantStatus.BadCopyArgument;
        }

        if (!reservation.IsOwned(copy.Source.ReferenceOrFrame) || !reservation.IsOwned(copy.Destination.ReferenceOrFrame))
        {
            return GrantStatus.BadPage;
        }

        ram.FrameBytes(copy.Source.ReferenceOrFrame).Slice(copy.Source.Offset, copy.Length)
            .CopyTo(ram.FrameBytes(copy.Destination.ReferenceOrFrame)[copy.Destination.Offset..]);
        ram.StoredByDevice?.Invoke(new GuestPhysicalAddress((ulong)copy.Destination.ReferenceOrFrame << 12), GuestMemory.FrameSize);
        return GrantStatus.Okay;
    }
}
