namespace Runtime.Devices.Pci;

/// <summary>A range of ports or of memory that a PCI function answers in, at an address that the guest chooses (PCI 2.2, 6.2.5).</summary>
/// <param name="Index">0-5: the base address register, at 10h + 4 * index of the configuration space.</param>
/// <param name="Size">Bytes, a power of two: 4 to 256 ports, or 16 bytes of memory and more.</param>
/// <param name="Device">Answers; offsets count from the start of the range, and memory has the same shape as ports.</param>
public sealed record PciBar(int Index, uint Size, bool IsMemory, IPortDevice Device)
{
    /// <summary>Offset of the register in the configuration space.</summary>
    public int Register => 0x10 + 4 * Index;

    /// <summary>The bits that a guest can change; those below tell it the size.</summary>
    public uint AddressMask => ~(Size - 1);
}
