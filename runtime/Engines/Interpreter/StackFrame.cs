namespace Runtime.Engines.Interpreter;

/// <summary>A stack that is being built on and is not SS:ESP yet: a fault half-way leaves the processor as it was.</summary>
/// <param name="Segment">SS to be.</param>
/// <param name="Pointer">ESP to be; the upper half is kept for a 16-bit stack.</param>
/// <param name="Error">Error code of the stack fault if it is too small.</param>
internal record struct StackFrame(SegmentRegister Segment, uint Pointer, uint Error)
{
    public readonly uint Mask => Segment.Is32Bit ? uint.MaxValue : 0xFFFF;
}
