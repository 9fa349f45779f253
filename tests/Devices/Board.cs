using System.Text;
using Runtime;
using Runtime.Devices;
using Runtime.Memory;
using Xunit;

namespace Tests.Devices;

/// <summary>All devices of a machine on their bus, with a fake clock and nobody but the test around them.</summary>
internal sealed class Board : IPowerControl, ISerialEndpoint
{
    private readonly StringBuilder _sent = new();
    private readonly Queue<byte> _arriving = new();

    public Board(params DiskImage[] disks)
    {
        Platform = new PcPlatform(new PlatformParts(Memory, disks, this, DeviceTrace.None), Clock, this, () => { });
    }

    public GuestMemory Memory { get; } = new(64 << 20);

    public FakeClock Clock { get; } = new();

    public PcPlatform Platform { get; }

    /// <summary>"off", "reset" or "exit NN" after the machine was ended; the first counts.</summary>
    public string Power { get; private set; } = "on";

    public bool HasArrived { get; private set; }

    public byte In(ushort port) => (byte)Platform.Bus.Read(port, 1);

    public void Out(ushort port, uint value) => Platform.Bus.Write(port, 1, value);

    /// <summary>Lets time pass in the steps in which a run loop would: from deadline to deadline.</summary>
    public void Wait(long nanoseconds)
    {
        long end = Clock.Now + nanoseconds;
        while (Platform.Deadlines.Earliest <= end)
        {
            Clock.Now = Math.Max(Clock.Now, Platform.Deadlines.Earliest);
            Platform.Deadlines.Advance(Clock.Now);
        }

        Clock.Now = end;
    }

    /// <summary>Lets time pass while nobody looks, as when the host did not run the monitor.</summary>
    public void Sleep(long nanoseconds)
    {
        Clock.Now += nanoseconds;
        Platform.Deadlines.Advance(Clock.Now);
    }

    /// <summary>Waits for one thing that another thread does for a device, and lets the device hear of it.</summary>
    public void AwaitCompletion()
    {
        Assert.True(SpinWait.SpinUntil(() => Platform.Completions.NextDeadline == 0, TimeSpan.FromSeconds(30)), "nothing was completed");
        Platform.Completions.Advance(Clock.Now);
    }

    public void Arrive(string text)
    {
        foreach (byte value in Encoding.Latin1.GetBytes(text))
        {
            _arriving.Enqueue(value);
        }

        HasArrived = true;
        Platform.Deadlines.Advance(Clock.Now);
    }

    /// <summary>What the guest has sent since the last call.</summary>
    public string TakeSent()
    {
        string sent = _sent.ToString();
        _sent.Clear();
        return sent;
    }

    void IPowerControl.PowerOff(string source) => End("off");

    void IPowerControl.Reset(string source) => End("reset");

    void IPowerControl.ExitWith(byte value) => End($"exit {value:x2}");

    void ISerialEndpoint.AcknowledgeArrival() => HasArrived = false;

    void ISerialEndpoint.Send(byte value) => _sent.Append((char)value);

    bool ISerialEndpoint.TryReceive(out byte value) => _arriving.TryDequeue(out value);

    private void End(string how) => Power = Power == "on" ? how : Power;
}
