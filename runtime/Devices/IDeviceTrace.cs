namespace Runtime.Devices;

/// <summary>Hears of every access to a register that a device does not have.</summary>
public interface IDeviceTrace
{
    void UnknownRead(string device, int offset, int size);

    void UnknownWrite(string device, int offset, int size, uint value);
}

/// <summary>Writes one line for each such access, or nothing.</summary>
/// <param name="writer">Null for nothing.</param>
public sealed class DeviceTrace(TextWriter? writer) : IDeviceTrace
{
    public static readonly DeviceTrace None = new(null);

    public void UnknownRead(string device, int offset, int size)
        => writer?.WriteLine($"trace: {device}: read of unknown register 0x{offset:x}, {size} bytes");

    public void UnknownWrite(string device, int offset, int size, uint value)
        => writer?.WriteLine($"trace: {device}: write of 0x{value:x} to unknown register 0x{offset:x}, {size} bytes");
}
