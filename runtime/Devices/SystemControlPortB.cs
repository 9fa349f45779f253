using Runtime.Time;

namespace Runtime.Devices;

/// <summary>Port 61h: speaker gate and data, and what software times short delays with (82371AB data sheet, NMISC).</summary>
public sealed class SystemControlPortB(Pit8254 pit, IClock clock) : IPortDevice
{
    private const byte Gate = 1 << 0, RefreshToggle = 1 << 4, SpeakerOutput = 1 << 5;
    private const byte Writable = 0x0F;

    /// <summary>Memory refresh on a PC/AT: every 15.085 µs.</summary>
    private const long RefreshNanoseconds = 15_085;

    private byte _control;

    public uint Read(int offset, int size)
    {
        bool isRefreshing = (clock.Now / RefreshNanoseconds & 1) != 0;
        return (uint)(_control | (isRefreshing ? RefreshToggle : 0) | (pit.SpeakerOutput ? SpeakerOutput : 0));
    }

    public void Write(int offset, int size, uint value)
    {
        _control = (byte)(value & Writable);
        pit.SpeakerGate = (value & Gate) != 0;
    }
}
