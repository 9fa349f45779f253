// Whole kernels on the interpreter: they judge the processor from inside.
using System.Text;
using Rewriter.Images;
using Runtime;
using Runtime.Abi;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Time;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class GuestKernelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("quirks.elf", "453 checks, 0 wrong")]
    [InlineData("ukernel.elf", "ALL TESTS PASSED")]
    [InlineData("nanobench.elf", "nanobench: done")]
    public void KernelFindsNothingWrong(string name, string verdict)
    {
        string? path = FindKernel(name);
        Assert.SkipWhen(path is null, $"guest-kernels/bin/{name} is not here");
        const ulong memoryBytes = 128 << 20;
        KernelImage image = KernelImage.Load(path!);
        var counters = new ExitCounters();
        var clock = new HostClock();
        var serial = new Listener();
        using EngineHost host = EngineFactory.Create(new EngineRequest(EngineKind.Interpreter, ExecutionMode.Trap, image, null, memoryBytes, counters));
        BootLoader.Load(image, new BootParameters("", []), host.Memory, host.Engine.State);
        using var machine = new VirtualMachine(host, new PlatformParts(host.Memory, [], serial, DeviceTrace.None), clock, counters,
            new SymbolTable(image.Symbols), TimeSpan.FromSeconds(120), null);
        Outcome outcome = machine.Run();
        output.WriteLine(serial.Text);
        Assert.Contains(verdict, serial.Text);
        Assert.DoesNotContain("WRONG", serial.Text);
        Assert.DoesNotContain("FAILED", serial.Text);
        Assert.Equal(33, outcome.ExitStatus);
    }

    private static string? FindKernel(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string path = Path.Combine(at.FullName, "guest-kernels", "bin", name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>A serial cable to somebody who only listens.</summary>
    private sealed class Listener : ISerialEndpoint
    {
        private readonly StringBuilder _text = new();

        public string Text => _text.ToString();

        public bool HasArrived => false;

        public void AcknowledgeArrival()
        {
        }

        public void Send(byte value) => _text.Append((char)value);

        public bool TryReceive(out byte value)
        {
            value = 0;
            return false;
        }
    }
}
