// Wraps the stub's code into the smallest ELF64 executable that execve accepts: one header, two segments (code, signal stack).
using System.Buffers.Binary;

namespace Runtime.Engines.Direct;

internal static class StubElf
{
    private const int HeaderSize = 64, ProgramHeaderSize = 56, CodeOffset = 4096;
    private const uint PtLoad = 1, PfX = 1, PfW = 2, PfR = 4;

    /// <summary>The executable's bytes (System V gABI, ELF header and program headers).</summary>
    public static byte[] Wrap(StubCode stub)
    {
        byte[] file = new byte[CodeOffset + stub.Code.Length];
        Span<byte> header = file;
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2); // ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62); // EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], stub.Entry);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 2);
        WriteSegment(header[HeaderSize..], PfR | PfX, CodeOffset, StubLayout.CodeAddress, (ulong)stub.Code.Length, (ulong)stub.Code.Length);
        WriteSegment(header[(HeaderSize + ProgramHeaderSize)..], PfR | PfW, 0, StubLayout.SignalStack, 0, StubLayout.SignalStackSize);
        stub.Code.CopyTo(file, CodeOffset);
        return file;
    }

    private static void WriteSegment(Span<byte> at, uint flags, ulong offset, ulong address, ulong fileSize, ulong memorySize)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(at, PtLoad);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[32..], fileSize);
        BinaryPrimitives.WriteUInt64LittleEndian(at[40..], memorySize);
        BinaryPrimitives.WriteUInt64LittleEndian(at[48..], 4096);
    }
}
