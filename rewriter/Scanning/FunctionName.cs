namespace Rewriter.Scanning;

/// <summary>The function in what <see cref="SymbolIndex"/> calls an address.</summary>
public static class FunctionName
{
    /// <summary>"name" of "name" or "name+0x12"; null where there is no symbol.</summary>
    public static string? Of(string? symbol)
    {
        int offset = symbol?.LastIndexOf("+0x", StringComparison.Ordinal) ?? -1;
        return offset > 0 ? symbol![..offset] : symbol;
    }
}
