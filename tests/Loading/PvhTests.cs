// PVH: which kernels are started so, and what they are given. guest-kernels/pvh checks the same from inside, in QEMU too.
using System.Text;
using Rewriter.Images;
using Runtime;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Memory;
using Xunit;

namespace Tests.Loading;

public sealed class PvhTests
{
    private const uint PhysicalEntryNote = 18, Entry = KernelFile.LoadAddress + 1;

    private static readonly BootParameters s_noParameters = new("", []);

    private static KernelFile Kernel => KernelFile.Elf([0x90, 0xFA, 0xF4], isMultiboot: false).WithNote("Xen", PhysicalEntryNote, Entry);

    [Fact]
    public void KernelIsEnteredWhereItsNoteSays()
    {
        VcpuState state = Load(Kernel, s_noParameters, out GuestMemory memory);
        using (memory)
        {
            Assert.Equal(Entry, state.Eip);
            Assert.Equal(ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et, state.Cr0);
            Assert.Equal(0u, state.Cr4);
            Assert.Equal(2u, state.Eflags);
            Assert.Equal((0u, 0x67u), (state.Tr.Base, state.Tr.Limit));
            Assert.True(state.Segments[(int)SegmentIndex.Cs].IsFlat);
        }
    }

    [Fact]
    public void StartInformationIsThatOfXensHeader()
    {
        BootParameters parameters = new("console=ttyS0", [new("initrd.gz", new byte[] { 1, 2, 3 }), new("second", new byte[0x1001])]);
        VcpuState state = Load(Kernel, parameters, out GuestMemory memory);
        using (memory)
        {
            uint info = state.Gpr[VcpuState.Ebx];
            Assert.Equal(MachineLayout.PvhStartInfo, info);
            Assert.Equal([0x336E_C578u, 1u, 0u, 2u], Words(memory, info, 4));
            Assert.Equal("console=ttyS0", Text(memory, memory.Read64(info + 24)));
            Assert.Equal(0u, memory.Read64(info + 32));
            Assert.Equal([6u, 0u], Words(memory, info + 48, 2));

            ulong modules = memory.Read64(info + 16), first = memory.Read64(modules), second = memory.Read64(modules + 32);
            Assert.Equal(0x0003_0201u, memory.Read32(first));
            Assert.Equal((3ul, 0x1001ul), (memory.Read64(modules + 8), memory.Read64(modules + 40)));
            Assert.Equal("initrd.gz", Text(memory, memory.Read64(modules + 16)));
            Assert.Equal("second", Text(memory, memory.Read64(modules + 48)));
            Assert.Equal(0ul, (first | second) & 0xFFF);
            Assert.InRange(first, KernelFile.LoadAddress + 0x1000, second - 3);
        }
    }

    [Fact]
    public void MemoryMapIsTheMultibootOne()
    {
        VcpuState state = Load(Kernel, s_noParameters, out GuestMemory memory);
        using (memory)
        {
            uint info = state.Gpr[VcpuState.Ebx];
            ulong map = memory.Read64(info + 40);
            Assert.Equal((0ul, 0x9_FC00ul, 1u), (memory.Read64(map), memory.Read64(map + 8), memory.Read32(map + 16)));
            Assert.Equal((0x10_0000ul, 0x7EE_0000ul, 1u), (memory.Read64(map + 72), memory.Read64(map + 80), memory.Read32(map + 88)));
            Assert.Equal((0u, 0ul), (memory.Read32(info + 12), memory.Read64(info + 16)));
        }
    }

    [Fact]
    public void MultibootGoesFirstAsInQemu()
    {
        KernelFile both = KernelFile.Elf([0xFA, 0xF4]).WithNote("Xen", PhysicalEntryNote, Entry);
        Assert.Equal(BootProtocol.Multiboot1, PlanOf(both).Protocol);
    }

    [Theory]
    [InlineData("Xen", 17)]
    [InlineData("GNU", 18)]
    public void OtherNotesAreNoEntry(string name, uint type)
        => Assert.Equal(BootProtocol.PlainElf, PlanOf(KernelFile.Elf([0xF4], isMultiboot: false).WithNote(name, type, Entry)).Protocol);

    [Fact]
    public void NoteThatRunsPastItsSegmentIsPassedOver()
    {
        KernelFile kernel = KernelFile.Elf([0xF4], isMultiboot: false);
        int value = kernel.Bytes.Length + 4;
        Assert.Equal(BootProtocol.PlainElf, PlanOf(kernel.WithNote("Xen", PhysicalEntryNote, Entry).Set32(value, 0xFFFF_FFFF)).Protocol);
    }

    [Fact]
    public void EntryWhereNothingIsLoadedIsRefused()
    {
        KernelFile astray = KernelFile.Elf([0xF4], isMultiboot: false).WithNote("Xen", PhysicalEntryNote, 0x20_0000);
        Assert.Equal("entry point 0x200000 is outside what is loaded", Assert.Throws<BadImageException>(() => PlanOf(astray)).Message);
    }

    [Fact]
    public void ModuleThatDoesNotFitIsNamed()
    {
        BootParameters parameters = new("", [new("big.img", new byte[200 << 20])]);
        BadImageException bad = Assert.Throws<BadImageException>(() => Load(Kernel, parameters, out _));
        Assert.Equal("too little memory: module big.img needs 202 MiB, the machine has 127 MiB", bad.Message);
    }

    private static BootPlan PlanOf(KernelFile file) => BootPlan.For(KernelImage.Load("kernel", file.Bytes));

    private static VcpuState Load(KernelFile file, BootParameters parameters, out GuestMemory memory)
    {
        memory = new GuestMemory(128 << 20);
        var state = new VcpuState();
        BootLoader.Load(KernelImage.Load("kernel", file.Bytes), parameters, memory, state);
        return state;
    }

    private static uint[] Words(GuestMemory memory, uint address, int count)
        => [.. Enumerable.Range(0, count).Select(i => memory.Read32(address + (uint)i * 4))];

    private static string Text(GuestMemory memory, ulong address)
    {
        var bytes = new List<byte>();
        for (byte value; (value = memory.Read8(address)) != 0; address++)
        {
            bytes.Add(value);
        }

        return Encoding.ASCII.GetString([.. bytes]);
    }
}
