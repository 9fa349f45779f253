using System.Text;
using Rewriter;
using Rewriter.Images;
using Rewriter.Patching;
using Runtime;
using Runtime.Abi;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Paravirt;
using Runtime.Time;

namespace Tests.Rewritten;

/// <summary>A guest kernel from guest-kernels/bin, rewritten for para mode, and how it runs.</summary>
internal static class RewrittenKernel
{
    private const ulong MemoryBytes = 128 << 20;
    private static readonly Dictionary<string, Rewriting> Made = [];

    public static KernelImage Image(string name) => KernelImage.Load(Path(name));

    public static Rewriting Of(string name)
    {
        lock (Made)
        {
            return Made.TryGetValue(name, out Rewriting? rewriting) ? rewriting : Made[name] = RewritePipeline.Rewrite(Image(name), ExecutionMode.Para);
        }
    }

    /// <summary>Runs a kernel with a plan; serial output and exits by reason come back.</summary>
    /// <param name="shims">Loaded before the first instruction.</param>
    /// <param name="functions">Replaced functions; see <see cref="ShimLoad.Functions"/>.</param>
    public static (Outcome Outcome, string Serial, ExitCounters Counters) Run(
        string name, EngineKind kind, PatchPlan plan, HostShim?[] shims, TimeSpan limit,
        IReadOnlyDictionary<uint, uint>? functions = null)
    {
        KernelImage image = Image(name);
        var counters = new ExitCounters();
        var serial = new Listener();
        using EngineHost host = EngineFactory.Create(new EngineRequest(kind, ExecutionMode.Para, image, plan, MemoryBytes, counters));
        BootLoader.Load(image, new BootParameters("", []), host.Memory, host.Engine.State);
        var parts = new PlatformParts(host.Memory, [], serial, DeviceTrace.None);
        using var machine = new VirtualMachine(host, parts, new HostClock(), counters, new SymbolTable(image.Symbols), limit, null);
        machine.Hypercalls!.Load(shims);
        host.Returned.Set([.. shims.Select(shim => shim is not null)], functions ?? new Dictionary<uint, uint>());
        return (machine.Run(), serial.Text, counters);
    }

    private static string Path(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string path = System.IO.Path.Combine(at.FullName, "guest-kernels", "bin", name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new FileNotFoundException($"guest-kernels/bin/{name}");
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
