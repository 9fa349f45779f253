using Runtime.Abi;

namespace Runtime.Engines.Patched;

/// <summary>Copies and window in memory of this process: for the interpreter, which looks at each fetch.</summary>
internal sealed class PrivateCodeStorage : ICodeStorage
{
    private readonly byte[]?[] _pages = new byte[1 << 14][];
    private readonly byte[] _window = new byte[MonitorWindow.Size];

    public int PageCount => _pages.Length;

    public bool TrapsUnknown => false;

    public Memory<byte> Page(int slot) => _pages[slot] ??= new byte[CodePage.Size];

    public Span<byte> Window(uint offset, int length) => _window.AsSpan((int)offset, length);
}
