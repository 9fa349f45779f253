// Loads a relocatable object where the reader places it, on a bare processor, and calls a function of it.
using Rewriter.Images;
using Runtime.Engines;
using Runtime.Memory;
using Tests.Engines.Interpreter;

namespace Tests.Rewritten;

/// <summary>What a call did: the ports it wrote, the registers and the data it left.</summary>
internal sealed record ObjectRun(string Ports, string Registers, string Data)
{
    private const uint PageDirectory = 0x8_0000;
    private const uint PageTable = 0x8_2000;
    private const uint Physical = 0x40_0000;
    private const uint ReturnTo = 0x10_0000;

    /// <param name="counter">What the object's first data word begins with.</param>
    public static ObjectRun Of(byte[] file, uint counter)
    {
        KernelImage image = KernelImage.Load("module", file);
        ImageSection data = image.Sections.Single(s => s.Name == ".data");
        uint start = (uint)image.Sections.Min(s => s.Address) & ~0xFFFu;
        using var machine = new TestMachine();
        machine.EnablePaging();
        machine.Memory.Write32(PageDirectory + (start >> 22 << 2), PageTable | 7);
        for (uint page = 0; page < 1024; page++)
        {
            machine.Memory.Write32(PageTable + 4 * page, Physical + (page << 12) | 7);
        }

        machine.Cpu.FlushTlb();
        foreach (ImageSection section in image.Sections)
        {
            machine.Write(Physical + (uint)section.Address - start, image.Bytes(section));
        }

        uint words = Physical + (uint)data.Address - start;
        machine.Memory.Write32(words, counter);
        machine.Write(ReturnTo, 0xF4); // hlt
        machine.State.Eflags = 0x202;
        machine.State.Gpr[VcpuState.Esp] = TestMachine.Stack;
        machine.Memory.Write32(TestMachine.Stack, ReturnTo);
        machine.State.Eip = (uint)image.Symbols.Single(s => s.Name == "entry").Address;
        List<string> ports = [];
        VmExit exit;
        while ((exit = machine.Run(10_000)).Reason == VmExitReason.PortWrite)
        {
            ports.Add($"{exit.Port:x}={exit.Value:x}");
        }

        // Data that holds addresses differs: sections grow, and so the next one moves.
        string registers = string.Join(' ', Enumerable.Range(0, 8).Select(i => machine.State.Gpr[i].ToString("x")));
        return new ObjectRun(
            string.Join(' ', ports), $"{exit.Reason} {machine.State.Eip:x} {machine.State.Eflags:x} {registers}",
            Convert.ToHexString(machine.Memory.Slice(new GuestPhysicalAddress(words), 16)));
    }
}
