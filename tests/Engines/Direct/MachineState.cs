// What an instruction sequence starts from and what it leaves behind, in the same form for the host CPU and the interpreter.
using Runtime.Engines;

namespace Tests.Engines.Direct;

/// <summary>Ring-3 state of a processor and the memory that sequences work on.</summary>
internal sealed class MachineState
{
    /// <summary>Where sequences are placed; one page, not writable.</summary>
    public const uint Code = 0x10_0000;

    /// <summary>Data below, stack above; nothing is mapped around them.</summary>
    public const uint Data = 0x20_0000;
    public const int DataSize = 0x2000;
    public const int MemorySize = 0x4000;
    public const uint StackMiddle = Data + 0x3000;

    public uint[] Gpr { get; } = new uint[8];

    public uint Eflags { get; set; } = FlagBits.If | 2;

    public byte[] Fx { get; } = new byte[512];

    public byte[] Memory { get; } = new byte[MemorySize];

    public Ending Ending { get; set; }
}

/// <summary>The exception that ended a sequence.</summary>
/// <param name="Eip">As the exception reports it.</param>
/// <param name="Address">CR2 of a page fault, else 0.</param>
/// <param name="IsWrite">A page fault was one of a store.</param>
internal readonly record struct Ending(byte Vector, uint Eip, uint Address, bool IsWrite)
{
    public override string ToString() => $"vector {Vector} at {Eip:x}" + (Vector == 14 ? $" {(IsWrite ? "writing" : "reading")} {Address:x}" : "");
}
