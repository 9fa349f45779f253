using Rewriter.Images;

namespace Runtime;

/// <summary>Names for guest addresses in messages and reports.</summary>
public sealed class SymbolTable
{
    private readonly ImageSymbol[] _symbols;

    public SymbolTable(IEnumerable<ImageSymbol> symbols)
    {
        _symbols = [.. symbols.Where(symbol => symbol.Name.Length > 0).OrderBy(symbol => symbol.Address).ThenBy(symbol => symbol.IsFunction)];
    }

    /// <summary>"name+0x12" of the nearest symbol at or below the address, or null where none covers it.</summary>
    public string? Find(uint address)
    {
        int low = 0;
        int high = _symbols.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_symbols[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (low == 0)
        {
            return null;
        }

        ImageSymbol symbol = _symbols[low - 1];
        ulong offset = address - symbol.Address;
        bool isPast = symbol.Size > 0 ? offset > symbol.Size : low == _symbols.Length && offset > 0xFFFF;
        return isPast ? null : offset == 0 ? symbol.Name : $"{symbol.Name}+0x{offset:x}";
    }

    /// <summary>"eip 0x00101234 (name+0x12)".</summary>
    public string Describe(uint address) => Find(address) is string name ? $"eip 0x{address:x8} ({name})" : $"eip 0x{address:x8}";
}
