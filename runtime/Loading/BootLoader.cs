// Puts a kernel into memory and the processor at its entry.
using Rewriter.Images;
using Runtime.Engines;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>A file that is given to the kernel in memory.</summary>
/// <param name="CommandLine">What the kernel is told of it: by custom its path and arguments.</param>
public sealed record BootModule(string CommandLine, ReadOnlyMemory<byte> Contents)
{
    /// <exception cref="BadImageException">The file is missing, unreadable or too large for any machine.</exception>
    public static BootModule Read(string commandLine, string path) => new(commandLine, KernelImage.ReadFile(path, Array.MaxLength));
}

/// <summary>What a user hands to a kernel.</summary>
public sealed record BootParameters(string CommandLine, IReadOnlyList<BootModule> Modules);

/// <summary>Loads images by the protocols of <see cref="BootProtocol"/>.</summary>
public static class BootLoader
{
    /// <exception cref="BadImageException">The image cannot be booted, or it and its modules do not fit into memory.</exception>
    public static void Load(KernelImage image, BootParameters parameters, GuestMemory memory, VcpuState state)
    {
        BootPlan plan = BootPlan.For(image);
        var space = new BootSpace(memory.RamLength - Math.Min(memory.RamLength, MachineLayout.FirmwareReserve));
        foreach (LoadRange range in plan.Ranges)
        {
            if (range.End > memory.RamLength)
            {
                throw new BadImageException(BootSpace.TooSmall("the kernel", range.End, memory.RamLength));
            }

            Span<byte> destination = memory.Slice(new GuestPhysicalAddress(range.Address), checked((int)range.MemorySize));
            image.Payload.Span.Slice((int)range.FileOffset, (int)range.FileSize).CopyTo(destination);
            destination[(int)range.FileSize..].Clear();
            space.Take(range.Address, range.MemorySize);
        }

        InterruptVectors.Write(memory, plan);
        BiosDataArea.Write(memory, plan);
        FlatProtectedMode.Enter(state, (uint)plan.Entry.Value);
        if (plan.Protocol == BootProtocol.Multiboot1)
        {
            var information = new BootInformation(plan, space, memory);
            state.Gpr[VcpuState.Eax] = MultibootInfoWriter.BootMagic;
            state.Gpr[VcpuState.Ebx] = MultibootInfoWriter.Write(parameters, information);
        }
        else if (plan.Protocol == BootProtocol.Pvh)
        {
            FlatProtectedMode.UsePvhTaskRegister(state);
            state.Gpr[VcpuState.Ebx] = PvhStartInfoWriter.Write(parameters, new BootInformation(plan, space, memory));
        }
        else if (plan.Protocol == BootProtocol.Linux)
        {
            FlatProtectedMode.UseLinuxSelectors(state);
            state.Gpr[VcpuState.Esi] = LinuxZeroPage.Write(image, parameters, space, memory);
        }
    }
}
