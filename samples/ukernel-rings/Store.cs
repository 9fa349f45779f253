// XenStore (public/io/xs_wire.h): a request goes into one half of a page, the answer comes in the other before the notification returns. Shims
// have no strings: text stands in numbers, eight characters each, the first in the lowest byte.
using Runtime.Abi.Shims;

namespace UkernelRings;

static class Store
{
    const uint ReadRequest = 2, WriteRequest = 11;
    const uint Answers = 1024, Length = 1024, RequestProducer = 2052, AnswerConsumer = 2056, AnswerProducer = 2060;

    /// <summary>Finds the ring. To be called first.</summary>
    public static bool Open(IShimContext vcpu)
    {
        uint frame = Xen.Parameter(vcpu, 1);
        Memory.Write(vcpu, Memory.StorePage, Memory.KernelBase + frame * Memory.PageSize);
        Memory.Write(vcpu, Memory.StorePort, Xen.Parameter(vcpu, 2));
        return frame != 0;
    }

    /// <summary>Writes device/vbd/51712/NODE, a number of decimal digits.</summary>
    public static bool WriteFront(IShimContext vcpu, ulong node, ulong rest, uint value)
    {
        ulong text = 0;
        do
        {
            text = text << 8 | '0' + value % 10;
            value /= 10;
        }
        while (value != 0);
        return WriteFront(vcpu, node, rest, text, 0);
    }

    /// <summary>Writes device/vbd/51712/NODE.</summary>
    public static bool WriteFront(IShimContext vcpu, ulong node, ulong rest, ulong text, ulong more)
    {
        Header(vcpu, WriteRequest, 17 + Size(node) + Size(rest) + 1 + Size(text) + Size(more));
        Front(vcpu);
        Put(vcpu, node);
        Put(vcpu, rest);
        PutByte(vcpu, 0);
        Put(vcpu, text);
        Put(vcpu, more);
        uint length;
        bool isWritten = Ask(vcpu, out length) == WriteRequest;
        for (uint i = 0; i < length; i++)
            GetByte(vcpu);   // "OK"
        return isWritten;
    }

    /// <summary>Reads device/vbd/51712/backend: where the other end's nodes are.</summary>
    public static bool FindBackEnd(IShimContext vcpu)
    {
        Header(vcpu, ReadRequest, 17 + 8);
        Front(vcpu);
        Put(vcpu, 0x00_64_6E_65_6B_63_61_62);   // "backend"
        PutByte(vcpu, 0);
        uint length;
        bool isFound = Ask(vcpu, out length) == ReadRequest && length < 64;
        Memory.Write(vcpu, Memory.BackEndLength, length);
        for (uint i = 0; i < length; i++)
        {
            byte character = GetByte(vcpu);
            if (isFound)
                vcpu.WriteMemory(SegmentName.Ds, Memory.BackEnd + i, 1, character);
        }
        return isFound;
    }

    /// <summary>Reads a number of the back end's; 0 when there is none.</summary>
    public static uint ReadBackEnd(IShimContext vcpu, ulong node)
    {
        uint path = Memory.Read(vcpu, Memory.BackEndLength), value = 0;
        Header(vcpu, ReadRequest, path + 1 + Size(node) + 1);
        for (uint i = 0; i < path; i++)
            PutByte(vcpu, (byte)vcpu.ReadMemory(SegmentName.Ds, Memory.BackEnd + i, 1));
        PutByte(vcpu, (byte)'/');
        Put(vcpu, node);
        PutByte(vcpu, 0);
        uint length;
        bool isFound = Ask(vcpu, out length) == ReadRequest;
        for (uint i = 0; i < length; i++)
            value = value * 10 + GetByte(vcpu) - '0';
        return isFound ? value : 0;
    }

    static void Front(IShimContext vcpu)
    {
        Put(vcpu, 0x76_2F_65_63_69_76_65_64);   // "device/v"
        Put(vcpu, 0x32_31_37_31_35_2F_64_62);   // "bd/51712"
        PutByte(vcpu, (byte)'/');
    }

    // Type, id, transaction, length.
    static void Header(IShimContext vcpu, uint type, uint length)
    {
        PutWord(vcpu, type);
        PutWord(vcpu, 0);
        PutWord(vcpu, 0);
        PutWord(vcpu, length);
    }

    /// <summary>Sends what was put, and takes the answer's header.</summary>
    /// <returns>Its type: that of the request, or another when it was refused.</returns>
    static uint Ask(IShimContext vcpu, out uint length)
    {
        Xen.Notify(vcpu, Memory.Read(vcpu, Memory.StorePort));
        uint type = GetWord(vcpu);
        GetWord(vcpu);
        GetWord(vcpu);
        length = GetWord(vcpu) % Length;
        return type;
    }

    static void Put(IShimContext vcpu, ulong text)
    {
        for (; text != 0; text >>= 8)
            PutByte(vcpu, (byte)text);
    }

    static uint Size(ulong text)
    {
        uint size = 0;
        for (; text != 0; text >>= 8)
            size++;
        return size;
    }

    static void PutWord(IShimContext vcpu, uint value)
    {
        for (int i = 0; i < 4; i++)
            PutByte(vcpu, (byte)(value >> 8 * i));
    }

    static uint GetWord(IShimContext vcpu)
    {
        uint value = 0;
        for (int i = 0; i < 4; i++)
            value |= (uint)GetByte(vcpu) << 8 * i;
        return value;
    }

    static void PutByte(IShimContext vcpu, byte value)
    {
        uint page = Memory.Read(vcpu, Memory.StorePage), producer = Memory.Read(vcpu, page + RequestProducer);
        vcpu.WriteMemory(SegmentName.Ds, page + producer % Length, 1, value);
        Memory.Write(vcpu, page + RequestProducer, producer + 1);
    }

    static byte GetByte(IShimContext vcpu)
    {
        uint page = Memory.Read(vcpu, Memory.StorePage), consumer = Memory.Read(vcpu, page + AnswerConsumer);
        if (consumer == Memory.Read(vcpu, page + AnswerProducer))
            return 0;
        uint value = vcpu.ReadMemory(SegmentName.Ds, page + Answers + consumer % Length, 1);
        Memory.Write(vcpu, page + AnswerConsumer, consumer + 1);
        return (byte)value;
    }
}
