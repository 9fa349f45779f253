using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>BLKIF_OP_* (public/io/blkif.h).</summary>
public enum BlockOperation : byte
{
    Read = 0,
    Write = 1,
    WriteBarrier = 2,
    FlushDiskCache = 3,
    Discard = 5,
    Indirect = 6,
}

/// <summary>BLKIF_RSP_*.</summary>
public enum BlockStatus : short
{
    Okay = 0,
    Error = -1,
    NotSupported = -2,
}

/// <summary>A page of a request and which of its eight sectors of 512 bytes are meant.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct BlockSegment
{
    public const int SectorsPerPage = 8;

    public uint Reference;
    public byte FirstSector;
    public byte LastSector;
    public ushort Padding;
}

[InlineArray(BlockRequest.MaximumSegments)]
public struct BlockSegments
{
    private BlockSegment _first;
}

/// <summary>A request as a 32-bit guest lays it out, 108 bytes. An indirect one and a discard have other fields behind the operation:
/// <see cref="IndirectBlockRequest"/>, <see cref="DiscardBlockRequest"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct BlockRequest
{
    public const int MaximumSegments = 11;
    public const int Length = 108;

    public BlockOperation Operation;
    public byte SegmentCount;
    public ushort Handle;
    public ulong Id;
    public ulong Sector;
    public BlockSegments Segments;
}

[InlineArray(IndirectBlockRequest.MaximumFrames)]
public struct IndirectFrames
{
    private uint _first;
}

/// <summary>A request whose segments are listed in pages of their own, 512 to a page.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct IndirectBlockRequest
{
    public const int MaximumFrames = 8;
    public const int SegmentsPerFrame = 512;

    public BlockOperation Operation;
    public BlockOperation IndirectOperation;
    public ushort SegmentCount;
    public ulong Id;
    public ulong Sector;
    public ushort Handle;
    public ushort Padding;
    public IndirectFrames Frames;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct DiscardBlockRequest
{
    public BlockOperation Operation;
    public byte Flags;
    public ushort Handle;
    public ulong Id;
    public ulong Sector;
    public ulong SectorCount;
}

/// <summary>A response, 12 bytes on x86_32.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct BlockResponse
{
    public const int Length = 12;

    public ulong Id;
    public BlockOperation Operation;
    public BlockStatus Status;
}
