using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Finds the symbol that an address belongs to.</summary>
public sealed class SymbolIndex
{
    readonly ulong[] _addresses;
    readonly ImageSymbol[] _symbols;
    readonly KernelImage _image;

    public SymbolIndex(KernelImage image)
    {
        _image = image;
        _symbols = [.. image.Symbols];
        _addresses = [.. _symbols.Select(s => s.Address)];
    }

    /// <summary>"name" or "name+0x12"; null where no symbol precedes the address in its section.</summary>
    public string? NameOf(ulong address)
    {
        int index = Array.BinarySearch(_addresses, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0 || _image.SectionAt(address) != _image.SectionAt(_addresses[index]))
        {
            return null;
        }

        // Of several symbols at one address take the first: functions come first, then by name.
        while (index > 0 && _addresses[index - 1] == _addresses[index])
        {
            index--;
        }

        ulong offset = address - _addresses[index];
        return offset == 0 ? _symbols[index].Name : $"{_symbols[index].Name}+0x{offset:x}";
    }
}
