// Makes the engine that a run asks for, together with the RAM that it wants: an engine that shares RAM with other processes
// supplies the mapping itself.
using System.Runtime.InteropServices;
using Rewriter.Images;
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime;

/// <summary>Which engine a user asks for.</summary>
public enum EngineKind
{
    /// <summary>The direct one where the host can, else the interpreter.</summary>
    Auto,
    Direct,
    Interpreter,
}

/// <summary>All that an engine is made from.</summary>
/// <param name="Image">The kernel as the file has it; an engine that patches does so on its own copy in RAM.</param>
/// <param name="Plan">The patches that a rewritten image brings along.</param>
/// <param name="MemoryBytes">RAM; a multiple of 4096.</param>
/// <param name="Counters">Where the engine accounts for exits that it settles itself.</param>
public sealed record EngineRequest(EngineKind Kind, ExecutionMode Mode, KernelImage Image, PatchPlan? Plan, ulong MemoryBytes, ExitCounters Counters)
{
    /// <summary>The processor to be.</summary>
    public CpuModel Model { get; init; } = CpuModel.Default;

    /// <summary>Device memory behind the RAM; a multiple of 4096.</summary>
    public ulong DeviceMemoryBytes { get; init; }

    /// <summary>What the machine has of APICs; null to choose by the image.</summary>
    public ApicFitting? Apic { get; init; }

    /// <summary>Where the guest's RDTSC reads; null for a counter of the host's.</summary>
    public ITimeStamp? TimeStamp { get; init; }

    /// <summary>The same for a guest of Xen.</summary>
    public EngineRequest UnderXen() => this with { Model = CpuModel.UnderXen, DeviceMemoryBytes = XenPlatform.DeviceMemoryFor(MemoryBytes) };
}

/// <summary>An engine and what belongs to it. Disposing it ends both.</summary>
/// <param name="Name">"direct" or "interpreter".</param>
/// <param name="Note">One line for the user when it is not the engine that was asked for, else null.</param>
public sealed record EngineHost(IExecutionEngine Engine, GuestMemory Memory, string Name, string? Note) : IDisposable
{
    /// <summary>The interpreter on the guest's state, where the engine has one: shims act through it.</summary>
    public Cpu? Processor { get; init; }

    /// <summary>What the board is to have of APICs.</summary>
    public ApicFitting Apic { get; init; }

    /// <summary>What the engine is to leave to shims.</summary>
    public ReturnedSites Returned { get; init; } = new();

    public void Dispose()
    {
        Engine.Dispose();
        Memory.Dispose();
    }
}

/// <summary>The engine that was asked for cannot run here.</summary>
/// <param name="what">What the host lacks, one line.</param>
public sealed class EngineUnavailableException(string what) : Exception(what);

/// <summary>Chooses and makes engines.</summary>
public static class EngineFactory
{
    /// <exception cref="EngineUnavailableException">A particular engine was asked for and the host lacks something for it.</exception>
    public static EngineHost Create(EngineRequest request)
    {
        string obstacle = "";
        EngineHost host = request.Kind switch
        {
            EngineKind.Interpreter => CreateInterpreter(request, note: null),
            EngineKind.Direct => TryCreateDirect(request, out obstacle) ?? throw new EngineUnavailableException("the direct engine cannot run here: " + obstacle),
            _ => TryCreateDirect(request, out obstacle) ?? CreateInterpreter(request, $"no direct execution here ({obstacle}); using the interpreter"),
        };
        return host with { Apic = request.Apic ?? ApicFittings.For(request.Image, request.Model.HasXen) };
    }

    private static EngineHost? TryCreateDirect(EngineRequest request, out string obstacle)
    {
        obstacle = "";
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            obstacle = "it needs Linux on x86-64";
            return null;
        }

        try
        {
            var engine = new DirectEngine(request.Mode, request.MemoryBytes, request.Model, request.Counters, request.Plan, request.DeviceMemoryBytes, request.TimeStamp);
            return new EngineHost(engine, engine.Memory, "direct", null) { Processor = engine.Processor, Returned = engine.Returned };
        }
        catch (Exception refused) when (refused is HostCallException or HostLacksException)
        {
            obstacle = refused.Message;
            return null;
        }
    }

    private static EngineHost CreateInterpreter(EngineRequest request, string? note)
    {
        var memory = new GuestMemory(request.MemoryBytes, request.DeviceMemoryBytes);
        if (request.Mode == ExecutionMode.Para)
        {
            var patched = new PatchedInterpreter(memory, request.Counters, request.Plan, request.Model);
            return new EngineHost(patched, memory, "interpreter", note) { Processor = patched.Processor, Returned = patched.Returned };
        }

        var engine = new InterpreterEngine(new VcpuState(), memory, request.Model, request.TimeStamp);
        if (request.Mode == ExecutionMode.Full)
        {
            // Nothing has to be patched here for a sensitive instruction to be noticed: each is counted as the trap that it stands for.
            ExitCounter trap = request.Counters.Open("Trap");
            engine.Cpu.SensitiveMet = () => request.Counters.Record(trap, engine.State.Eip, 0);
        }

        return new EngineHost(engine, memory, "interpreter", note) { Processor = engine.Cpu };
    }
}
