namespace Runtime.Devices;

/// <summary>A block of I/O ports. A device does not know its address: it is given offsets from where the bus put it.</summary>
public interface IPortDevice
{
    /// <summary>Bytes of the widest access that the register at <paramref name="offset"/> takes at once: 1, 2 or 4.
    /// The bus splits wider ones into bytes at successive ports, as an ISA bridge does.</summary>
    int WidestAccess(int offset) => 1;

    /// <summary>Never fails: what does not exist reads as ones.</summary>
    uint Read(int offset, int size);

    /// <summary>Never fails: what does not exist is lost. Bits of <paramref name="value"/> above the size are zero.</summary>
    void Write(int offset, int size, uint value);
}
