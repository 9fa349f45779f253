using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Paravirt.Xen;

/// <summary>A structure of the guest's, at a linear address that it has registered, which the hypervisor keeps up to date. While a program of the guest
/// runs under page-table isolation its tables do not show the kernel's memory: then the structure is written to where it was last.</summary>
internal sealed class GuestArea(Cpu cpu, GuestMemory ram)
{
    private readonly List<GuestRange> _pieces = [];
    private uint _linear;

    /// <summary>Registers an address; 0 for none.</summary>
    public void Register(uint linear)
    {
        _linear = linear;
        _pieces.Clear();
    }

    /// <summary>Writes all of it.</summary>
    /// <returns>False when it is nowhere in the guest's RAM, and has never been.</returns>
    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        if (_linear == 0 || cpu.TryCopyToGuest(_linear, bytes))
        {
            Remember(bytes.Length);
            return true;
        }

        foreach (GuestRange piece in _pieces)
        {
            bytes[..piece.Length].CopyTo(ram.Slice(piece.Address, piece.Length));
            ram.StoredByDevice?.Invoke(piece.Address, piece.Length);
            bytes = bytes[piece.Length..];
        }

        return _pieces.Count > 0;
    }

    private void Remember(int length)
    {
        _pieces.Clear();
        uint at = _linear;
        while (_linear != 0 && length > 0 && cpu.TryTranslate(at, AccessKind.Write, false, false, out PageTranslation page, out _))
        {
            int part = Math.Min(length, (int)(GuestMemory.FrameSize - (at % GuestMemory.FrameSize)));
            _pieces.Add(new GuestRange(new GuestPhysicalAddress(page.Physical), part));
            at += (uint)part;
            length -= part;
        }
    }
}
