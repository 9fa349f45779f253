// QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg.rst), as much of it as kernels read that are tested on QEMU: how many processors and how
// much memory there is. No files, no DMA.
using System.Buffers.Binary;

namespace Runtime.Devices;

/// <summary>A selector of 16 bits at 0; at 1 the bytes of what it selects, one after the other, then zeros.</summary>
/// <param name="ramBytes">RAM of the machine.</param>
public sealed class FirmwareConfiguration(ulong ramBytes) : IPortDevice
{
    private const ushort Signature = 0x00, Identifier = 0x01, RamSize = 0x03, Processors = 0x05, MostProcessors = 0x0F;

    private byte[] _selected = [];
    private int _next;

    public int WidestAccess(int offset) => offset == 0 ? 2 : 1;

    public uint Read(int offset, int size) => offset == 1 && _next < _selected.Length ? _selected[_next++] : 0u;

    public void Write(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            (_selected, _next) = (Item((ushort)value), 0);
        }
    }

    private byte[] Item(ushort key) => key switch
    {
        Signature => "QEMU"u8.ToArray(),
        Identifier => [1, 0, 0, 0], // the ports above, no DMA
        RamSize => Bytes(ramBytes),
        Processors or MostProcessors => [1, 0],
        _ => [],
    };

    private static byte[] Bytes(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }
}
