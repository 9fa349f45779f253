// Runs a sequence on the host CPU: in a stub process, with nothing of the engine around it.
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Engines.Direct.Host;
using Xunit;

namespace Tests.Engines.Direct;

/// <summary>A stub process with a page of code and pages of data. For the thread that made it.</summary>
internal sealed class HostProcessor : IDisposable
{
    private const int SysMmap = 9, MapSharedFixed = 0x11;
    private const ulong ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    private const uint AllKeysButTheFirstClosed = 0x5555_5550;

    private readonly SharedFile _control = new("control", StubLayout.ControlFileLength);
    private readonly SharedFile _ram = new("ram", 4 << 20);
    private readonly StubProcess _stub;

    private HostProcessor()
    {
        _stub = new StubProcess(0, _control, _ram, new ProcessorPlacement());
        Map(MachineState.Code, 4096, ProtRead | ProtExec);
        Map(MachineState.Data, MachineState.MemorySize, ProtRead | ProtWrite);
    }

    public int Pid => _stub.Pid;

    public bool IsDead => _stub.IsDead;

    /// <summary>The signal that ended the last run.</summary>
    public int LastSignal => (int)_stub.Word(StubLayout.Signal);

    /// <summary>What is mapped in the process, as the host kernel tells it.</summary>
    public string Maps => File.ReadAllText($"/proc/{Pid}/maps");

    /// <summary>Makes the stub try a system call.</summary>
    public long TryCall(int number, ulong first, ulong second, ulong third, ulong fourth) => _stub.Call(number, first, second, third, fourth);

    /// <summary>Skips the test where the host cannot run stub processes.</summary>
    public static HostProcessor Start()
    {
        try
        {
            return new HostProcessor();
        }
        catch (Exception refused) when (refused is HostCallException or PlatformNotSupportedException or DllNotFoundException)
        {
            Assert.Skip("no stub process on this host: " + refused.Message);
            throw;
        }
    }

    /// <summary>Runs code from a state to its first exception.</summary>
    public MachineState Run(MachineState start, ReadOnlySpan<byte> code)
    {
        code.CopyTo(_ram.Slice(MachineState.Code, code.Length));
        start.Memory.CopyTo(_ram.Slice(MachineState.Data, MachineState.MemorySize));
        ref HandOverLine line = ref _stub.Line;
        for (int i = 0; i < 8; i++)
        {
            line.Gpr[i] = start.Gpr[i];
        }

        (line.Eip, line.Cs, line.Eflags) = (MachineState.Code, HostSegments.FlatCode, start.Eflags);
        foreach (int segment in new[] { StubLayout.Ds, StubLayout.Es, StubLayout.Fs, StubLayout.Gs, StubLayout.Ss })
        {
            _stub.Word(segment) = HostSegments.FlatData;
        }

        _stub.Word(StubLayout.Pkru) = AllKeysButTheFirstClosed;
        Span<byte> xsave = _stub.Bytes(StubLayout.Xsave, StubLayout.XsaveSize);
        xsave.Clear();
        start.Fx.CopyTo(xsave);
        _stub.Word(StubLayout.Xsave + 512) = 3; // XSTATE_BV: x87 and SSE
        _stub.Word(StubLayout.FpuInMemory) = 1;
        _stub.Run();
        Assert.False(_stub.IsDead, "the stub process died");
        return Read();
    }

    public void Dispose()
    {
        _stub.Dispose();
        _ram.Dispose();
        _control.Dispose();
    }

    private MachineState Read()
    {
        var end = new MachineState { Eflags = _stub.Line.Eflags };
        for (int i = 0; i < 8; i++)
        {
            end.Gpr[i] = _stub.Line.Gpr[i];
        }

        _ram.Slice(MachineState.Data, MachineState.MemorySize).CopyTo(end.Memory);
        _stub.Bytes(StubLayout.Xsave, 512).CopyTo(end.Fx);
        uint present = _stub.Word(StubLayout.Xsave + 512);
        if ((present & 1) == 0)
        {
            end.Fx.AsSpan(0, 24).Clear();
            end.Fx.AsSpan(32, 128).Clear();
            (end.Fx[0], end.Fx[1]) = (0x7F, 3); // the initial control word
        }

        if ((present & 2) == 0)
        {
            end.Fx.AsSpan(160, 128).Clear();
        }

        byte vector = (byte)_stub.Word(StubLayout.TrapNumber);
        bool isPageFault = vector == 14;
        end.Ending = new Ending(
            vector,
            _stub.Line.Eip,
            isPageFault ? (uint)_stub.Quad(StubLayout.FaultAddress) : 0,
            isPageFault && (_stub.Word(StubLayout.ErrorCode) & PageBits.FaultWrite) != 0);
        return end;
    }

    private void Map(uint address, int length, ulong protection)
    {
        long result = _stub.Call(SysMmap, address, (ulong)length, protection, MapSharedFixed, StubLayout.RamFd, address);
        Assert.Equal(address, (ulong)result);
    }
}
