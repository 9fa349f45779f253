using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Offsets in the XenStore page (public/io/xs_wire.h): two byte rings whose indices count up without bounds.</summary>
public static class StoreLayout
{
    public const int RingLength = 1024;
    public const int Requests = 0;
    public const int Responses = 1024;
    public const int RequestConsumer = 2048, RequestProducer = 2052, ResponseConsumer = 2056, ResponseProducer = 2060;
    public const int ServerFeatures = 2064, Connection = 2068, Error = 2072;

    /// <summary>Longest payload, and longest paths (docs/misc/xenstore.txt).</summary>
    public const int MaximumPayload = 4096, MaximumAbsolutePath = 3072, MaximumRelativePath = 2048;
}

/// <summary>What a message asks for (enum xsd_sockmsg_type).</summary>
public enum StoreMessageType : uint
{
    Control = 0,
    Directory = 1,
    Read = 2,
    GetPermissions = 3,
    Watch = 4,
    Unwatch = 5,
    TransactionStart = 6,
    TransactionEnd = 7,
    Introduce = 8,
    Release = 9,
    GetDomainPath = 10,
    Write = 11,
    MakeDirectory = 12,
    Remove = 13,
    SetPermissions = 14,
    WatchEvent = 15,
    Error = 16,
    IsDomainIntroduced = 17,
    Resume = 18,
    SetTarget = 19,
    ResetWatches = 21,
    DirectoryPart = 22,
}

/// <summary>The 16 bytes before each payload.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StoreMessageHeader
{
    public const int Size = 16;

    public StoreMessageType Type;
    public uint RequestId;
    public uint TransactionId;
    public uint Length;
}
