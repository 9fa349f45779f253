namespace Runtime.Engines.Interpreter;

/// <summary>Vectors of the architectural exceptions (SDM vol. 3, table 6-1).</summary>
public static class ExceptionVector
{
    public const byte DivideError = 0, Debug = 1, NonMaskable = 2, Breakpoint = 3, Overflow = 4, BoundRange = 5, InvalidOpcode = 6;
    public const byte DeviceNotAvailable = 7, DoubleFault = 8, InvalidTss = 10, SegmentNotPresent = 11, StackFault = 12;
    public const byte GeneralProtection = 13, PageFault = 14, FloatingPoint = 16, AlignmentCheck = 17, MachineCheck = 18, SimdFloatingPoint = 19;

    /// <summary>Whether delivery pushes an error code (SDM vol. 3, table 6-1).</summary>
    public static bool HasErrorCode(byte vector)
        => vector is DoubleFault or (>= InvalidTss and <= PageFault) or AlignmentCheck;
}
