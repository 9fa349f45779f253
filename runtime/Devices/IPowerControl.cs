namespace Runtime.Devices;

/// <summary>What a device can do to the machine as a whole. The first call wins; all return at once, and the machine stops after
/// the instruction that caused it.</summary>
public interface IPowerControl
{
    /// <param name="source">The device or port, for the line that the user reads.</param>
    void PowerOff(string source);

    /// <inheritdoc cref="PowerOff"/>
    void Reset(string source);

    /// <summary>Ends the machine with a result of the guest's choice.</summary>
    void ExitWith(byte value);
}
