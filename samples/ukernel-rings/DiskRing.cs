// The ring itself: its handshake, and one request at a time.
using Runtime.Abi.Shims;

namespace UkernelRings;

static class DiskRing
{
    const uint Slots = 32, SlotLength = 108, FirstSlot = 64;
    const uint SharedProducer = Memory.Ring, RequestEvent = Memory.Ring + 4, ResponseProducer = Memory.Ring + 8, ResponseEvent = Memory.Ring + 12;
    const uint RingReference = 8, DataReference = 9;
    const uint PermitAccess = 1;
    const uint Initialised = 3, Connected = 4;

    /// <summary>Offers a ring to the back end of the first disk (public/io/xenbus.h). It has answered when the last write returns.</summary>
    public static bool TryConnect(IShimContext vcpu)
    {
        if (!Store.Open(vcpu) || !Store.FindBackEnd(vcpu) || !Xen.Place(vcpu, 0, Memory.SharedFrame) || !Xen.Place(vcpu, 1, Memory.GrantFrame))
            return false;
        uint port = Xen.AllocatePort(vcpu);
        Memory.Write(vcpu, Memory.DiskPort, port);
        Memory.Clear(vcpu, Memory.Ring);
        Memory.Write(vcpu, RequestEvent, 1);
        Memory.Write(vcpu, ResponseEvent, 1);
        Memory.Write(vcpu, Memory.RequestProducer, 0);
        Memory.Write(vcpu, Memory.ResponseConsumer, 0);
        Memory.Write(vcpu, Memory.InFlight, 0);
        Grant(vcpu, RingReference, Memory.RingFrame);
        return port != 0
            && Store.WriteFront(vcpu, 0x66_65_72_2D_67_6E_69_72, 0, RingReference)              // "ring-ref"
            && Store.WriteFront(vcpu, 0x68_63_2D_74_6E_65_76_65, 0x6C_65_6E_6E_61, port)        // "event-ch" "annel"
            && Store.WriteFront(vcpu, 0x6C_6F_63_6F_74_6F_72_70, 0, 0x5F_36_38_78, 0x69_62_61_2D_32_33) // "protocol": "x86_" "32-abi"
            && Store.WriteFront(vcpu, 0x65_74_61_74_73, 0, Initialised)                        // "state"
            && Store.ReadBackEnd(vcpu, 0x65_74_61_74_73) == Connected
            && Size(vcpu, Store.ReadBackEnd(vcpu, 0x73_72_6F_74_63_65_73));                    // "sectors"
    }

    /// <summary>Performs a request; EAX becomes 1 when it succeeds, 0 when not. While it is under way the shim ends here, and finds its way back
    /// to here when it runs again.</summary>
    /// <returns>True: the guest's function has been stood in for.</returns>
    public static bool Perform(IShimContext vcpu, byte operation, uint sector, uint count, uint buffer)
    {
        if (Memory.Read(vcpu, Memory.InFlight) == 0)
            Send(vcpu, operation, sector, count, buffer);
        uint port = Memory.Read(vcpu, Memory.DiskPort);
        uint consumer = Memory.Read(vcpu, Memory.ResponseConsumer);
        // A shim that waits reads zeros from there on: so this ends, too, when in-flight reads 0.
        while (Memory.Read(vcpu, Memory.InFlight) != 0 && Memory.Read(vcpu, ResponseProducer) == consumer)
        {
            Xen.ForgetEvent(vcpu, port);
            if (Memory.Read(vcpu, ResponseProducer) == consumer)
                Xen.Wait(vcpu, port);
        }
        // A response: id, operation, status.
        uint status = vcpu.ReadMemory(SegmentName.Ds, SlotAt(consumer) + 10, 2);
        Memory.Write(vcpu, Memory.ResponseConsumer, consumer + 1);
        Memory.Write(vcpu, ResponseEvent, consumer + 2);
        Memory.Write(vcpu, Memory.InFlight, 0);
        vcpu.Eax = status == 0 ? 1u : 0;
        return true;
    }

    static void Send(IShimContext vcpu, byte operation, uint sector, uint count, uint buffer)
    {
        uint producer = Memory.Read(vcpu, Memory.RequestProducer), slot = SlotAt(producer);
        uint first = buffer % Memory.PageSize / 512;
        // Operation, segments, device; id; sector; then segments: grant, first and last sector of the page.
        Memory.Write(vcpu, slot, operation | (count != 0 ? 1u << 8 : 0));
        Memory.Write(vcpu, slot + 4, producer);
        Memory.Write(vcpu, slot + 8, 0);
        Memory.Write(vcpu, slot + 12, sector);
        Memory.Write(vcpu, slot + 16, 0);
        if (count != 0)
        {
            Grant(vcpu, DataReference, (buffer - Memory.KernelBase) / Memory.PageSize);
            Memory.Write(vcpu, slot + 20, DataReference);
            Memory.Write(vcpu, slot + 24, first | first + count - 1 << 8);
        }
        Memory.Write(vcpu, Memory.InFlight, 1);
        Memory.Write(vcpu, Memory.RequestProducer, producer + 1);
        Memory.Write(vcpu, SharedProducer, producer + 1);
        // Only a back end that has gone to sleep wants to be told (RING_PUSH_REQUESTS_AND_CHECK_NOTIFY, for one request).
        if (Memory.Read(vcpu, RequestEvent) == producer + 1)
            Xen.Notify(vcpu, Memory.Read(vcpu, Memory.DiskPort));
    }

    // Version 1 of the table: flags and domain, then the frame, which has to be there first.
    static void Grant(IShimContext vcpu, uint reference, uint frame)
    {
        Memory.Write(vcpu, Memory.Grants + reference * 8 + 4, frame);
        Memory.Write(vcpu, Memory.Grants + reference * 8, PermitAccess);
    }

    static uint SlotAt(uint index) => Memory.Ring + FirstSlot + index % Slots * SlotLength;

    static bool Size(IShimContext vcpu, uint sectors)
    {
        Memory.Write(vcpu, Memory.DiskSectors, sectors);
        return sectors != 0;
    }
}
