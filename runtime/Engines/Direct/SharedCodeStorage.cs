using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct;

/// <summary>Copies and window in the control file, which stub processes map.</summary>
internal sealed class SharedCodeStorage(SharedFile control) : ICodeStorage
{
    public int PageCount => StubLayout.CodeCachePages;

    public bool TrapsUnknown => true;

    public Memory<byte> Page(int slot) => new SharedSlice(control, StubLayout.CodeCacheFileOffset + ((long)slot << 12), CodePage.Size).Memory;

    public Span<byte> Window(uint offset, int length) => control.Slice(StubLayout.WindowFileOffset + offset, length);
}
