namespace Runtime.Devices;

/// <summary>QEMU's isa-debug-exit: a write ends the machine with the exit status <c>(value &lt;&lt; 1) | 1</c>.</summary>
public sealed class DebugExit(IPowerControl power) : IPortDevice
{
    public int WidestAccess(int offset) => 4;

    public uint Read(int offset, int size) => 0;

    public void Write(int offset, int size, uint value) => power.ExitWith((byte)value);
}
