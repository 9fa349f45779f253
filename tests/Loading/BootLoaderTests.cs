using System.Text;
using Rewriter.Images;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Memory;
using Xunit;

namespace Tests.Loading;

public sealed class BootLoaderTests
{
    private static readonly byte[] Code = [0xFA, 0xF4];
    private static readonly BootParameters NoParameters = new("kernel ", []);

    [Fact]
    public void FlatMultibootKernelIsLoadedAndEntered()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Flat(Code), NoParameters);
        using (memory)
        {
            Assert.Equal(KernelFile.LoadAddress + 32, state.Eip);
            Assert.Equal(Code, memory.Slice(new GuestPhysicalAddress(state.Eip), 2).ToArray());
            Assert.Equal(0x2BAD_B002u, state.Gpr[VcpuState.Eax]);
        }
    }

    [Fact]
    public void ProcessorIsInFlatProtectedModeWithInterruptsOff()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Elf(Code), NoParameters);
        using (memory)
        {
            Assert.True(state.ProtectedMode);
            Assert.False(state.PagingEnabled);
            Assert.False(state.InterruptsEnabled);
            Assert.Equal(0, state.Cpl);
            for (int i = 0; i < 6; i++)
            {
                Assert.True(state.Segments[i].IsFlat);
                Assert.True(state.Segments[i].Is32Bit);
            }
        }
    }

    [Fact]
    public void BootStackIsWhereAnyHostLetsItBeMapped()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Elf(Code), NoParameters);
        using (memory)
        {
            Assert.InRange(state.Gpr[VcpuState.Esp], 0x2_0000u, 0x9_F000u);
        }
    }

    [Fact]
    public void InterruptVectorsAreThoseOfABios()
    {
        // F000:E2C3 and F000:FF53, where every compatible BIOS has its NMI handler and its IRET.
        (GuestMemory memory, _) = Load(KernelFile.Elf(Code), NoParameters);
        using (memory)
        {
            Assert.Equal(0xF000_E2C3u, memory.Read32(2 * 4));
            Assert.Equal(0xF000_FF53u, memory.Read32(0x10 * 4));
            Assert.Equal(0xCF, memory.Read8(0xF_E2C3));
            Assert.Equal(0xCF, memory.Read8(0xF_FF53));
            // The timer's counts; that of a slave's input ends the interrupt at both controllers.
            Assert.Equal(0xF000_FEA5u, memory.Read32(Runtime.MachineLayout.BiosMasterVectors * 4));
            Assert.Equal("1e5031c08ed866ff066c04cd1cb020e620581fcf", Convert.ToHexStringLower(memory.Slice(new GuestPhysicalAddress(0xF_FEA5), 20)));
            uint slave = memory.Read32((Runtime.MachineLayout.BiosSlaveVectors + 4) * 4);
            Assert.Equal("50b020e6a0e62058cf", Convert.ToHexStringLower(memory.Slice(new GuestPhysicalAddress((slave >> 16 << 4) + (slave & 0xFFFF)), 9)));
        }
    }

    [Fact]
    public void EntryOfHigherHalfKernelIsWhereItWasLoaded()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Elf(Code, address: 0xC010_0000), NoParameters);
        using (memory)
        {
            Assert.Equal(KernelFile.LoadAddress + 32, state.Eip);
        }
    }

    [Fact]
    public void PlainElfGetsNoBootInformation()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Elf(Code, isMultiboot: false), NoParameters);
        using (memory)
        {
            Assert.Equal(KernelFile.LoadAddress, state.Eip);
            Assert.Equal(0u, state.Gpr[VcpuState.Eax]);
        }
    }

    [Fact]
    public void BootInformationIsWhatQemuGives()
    {
        // Taken from QEMU 7.2 with the same command line, modules and 128 MiB of memory.
        BootParameters parameters = new("kernel hello world", [new("first arg1", new byte[] { 1, 2, 3 }), new("second", new byte[0x4C5])]);
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Flat(Code), parameters);
        using (memory)
        {
            uint info = state.Gpr[VcpuState.Ebx];
            Assert.Equal(0x9500u, info);
            Assert.Equal(0x24Fu, memory.Read32(info));
            Assert.Equal(639u, memory.Read32(info + 4));
            Assert.Equal(0x1_FB80u, memory.Read32(info + 8));
            Assert.Equal(0x8000_FFFFu, memory.Read32(info + 12));
            Assert.Equal("kernel hello world", Text(memory, memory.Read32(info + 16)));
            Assert.Equal("qemu", Text(memory, memory.Read32(info + 64)));

            Assert.Equal(2u, memory.Read32(info + 20));
            uint modules = memory.Read32(info + 24);
            Assert.Equal(0x10_1000u, modules);
            Assert.Equal(0x10_2000u, memory.Read32(modules));
            Assert.Equal(0x10_2003u, memory.Read32(modules + 4));
            Assert.Equal("first arg1", Text(memory, memory.Read32(modules + 8)));
            Assert.Equal(0x10_3000u, memory.Read32(modules + 16));
            Assert.Equal(0x10_34C5u, memory.Read32(modules + 20));
            Assert.Equal(0x0003_0201u, memory.Read32(0x10_2000));
        }
    }

    [Fact]
    public void MemoryMapIsWhatQemuGives()
    {
        (GuestMemory memory, VcpuState state) = Load(KernelFile.Flat(Code), NoParameters);
        using (memory)
        {
            uint info = state.Gpr[VcpuState.Ebx];
            Assert.Equal(6u * 24, memory.Read32(info + 44));
            uint map = memory.Read32(info + 48);
            Assert.Equal(0x9000u, map);
            (ulong, ulong, uint)[] expected =
            [
                (0, 0x9_FC00, 1), (0x9_FC00, 0x400, 2), (0xF_0000, 0x1_0000, 2), (0x10_0000, 0x7EE_0000, 1), (0x7FE_0000, 0x2_0000, 2), (0xFFFC_0000, 0x4_0000, 2),
            ];
            for (uint i = 0; i < expected.Length; i++)
            {
                uint entry = map + 24 * i;
                Assert.Equal(20u, memory.Read32(entry));
                Assert.Equal(expected[i], (memory.Read64(entry + 4), memory.Read64(entry + 12), memory.Read32(entry + 20)));
            }
        }
    }

    [Fact]
    public void BootInformationAvoidsAKernelInItsPlace()
    {
        KernelFile kernel = KernelFile.Elf(Code);
        kernel.Set32(64, 0x9000).Set32(60, 0x9000).Set32(24, 0x9020).Set32(72, 0x2000);
        (GuestMemory memory, VcpuState state) = Load(kernel, NoParameters);
        using (memory)
        {
            Assert.Equal(0xB000u, state.Gpr[VcpuState.Ebx]);
        }
    }

    [Fact]
    public void MemoryPastTheFileIsZeroed()
    {
        KernelImage image = KernelImage.Load("kernel", KernelFile.Elf(Code).Bytes);
        using var memory = new GuestMemory(32 << 20);
        memory.Slice(new GuestPhysicalAddress(0x10_0000), 0x1000).Fill(0xCC);
        BootLoader.Load(image, NoParameters, memory, new VcpuState());
        Assert.Equal(0u, memory.Read32(KernelFile.LoadAddress + 34));
        Assert.Equal(0xCCu, memory.Read8(KernelFile.LoadAddress + 34 + 0x100));
    }

    [Fact]
    public void TooLittleMemoryNamesWhatIsNeeded()
    {
        KernelFile kernel = KernelFile.Elf(Code).Set32(72, 0x0200_0000);
        BadImageException bad = Assert.Throws<BadImageException>(() => Load(kernel, NoParameters, megabytes: 16));
        Assert.Equal("too little memory: the kernel needs 33 MiB, the machine has 16 MiB", bad.Message);
    }

    [Fact]
    public void ModuleThatDoesNotFitNamesWhatIsNeeded()
    {
        BootParameters parameters = new("kernel", [new("big", new byte[16 << 20])]);
        BadImageException bad = Assert.Throws<BadImageException>(() => Load(KernelFile.Flat(Code), parameters, megabytes: 16));
        Assert.StartsWith("too little memory: module big needs 18 MiB", bad.Message, StringComparison.Ordinal);
    }

    private static (GuestMemory Memory, VcpuState State) Load(KernelFile file, BootParameters parameters, uint megabytes = 128)
    {
        var memory = new GuestMemory(megabytes << 20);
        var state = new VcpuState();
        BootLoader.Load(KernelImage.Load("kernel", file.Bytes), parameters, memory, state);
        return (memory, state);
    }

    private static string Text(GuestMemory memory, uint address)
    {
        var text = new StringBuilder();
        for (byte value; (value = memory.Read8(address)) != 0; address++)
        {
            text.Append((char)value);
        }

        return text.ToString();
    }
}
