namespace Runtime.Devices;

/// <summary>As much of a VGA as keeps a text-mode driver going: CRTC registers that can be read back (cursor position) and a status register
/// in which retrace comes and goes. Nothing is shown.</summary>
public sealed class VgaText(Time.IClock clock)
{
    /// <summary>IBM VGA: vertical retrace 70 times a second, 64 µs long.</summary>
    private const long FrameNanoseconds = 14_268_000, RetraceNanoseconds = 64_000;

    private readonly byte[] _crtc = new byte[256];
    private byte _index;

    /// <summary>Index and data: 3D4h, 3D5h.</summary>
    public IPortDevice Crtc => new CrtcPorts(this);

    /// <summary>Input status 1: 3DAh. Bit 0 display disabled, bit 3 vertical retrace.</summary>
    public IPortDevice Status => new StatusPort(clock);

    private sealed class CrtcPorts(VgaText vga) : IPortDevice
    {
        public uint Read(int offset, int size) => offset == 0 ? vga._index : vga._crtc[vga._index];

        public void Write(int offset, int size, uint value)
        {
            if (offset == 0)
            {
                vga._index = (byte)value;
            }
            else
            {
                vga._crtc[vga._index] = (byte)value;
            }
        }
    }

    private sealed class StatusPort(Time.IClock clock) : IPortDevice
    {
        public uint Read(int offset, int size) => clock.Now % FrameNanoseconds < RetraceNanoseconds ? 0x09u : 0u;

        public void Write(int offset, int size, uint value)
        {
        }
    }
}
