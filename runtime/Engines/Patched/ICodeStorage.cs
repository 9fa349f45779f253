namespace Runtime.Engines.Patched;

/// <summary>Where patched copies and the monitor window are kept.</summary>
internal interface ICodeStorage
{
    /// <summary>Copies that there is room for.</summary>
    int PageCount { get; }

    /// <summary>Whether bytes of a copy that are not known to be instructions have to trap. Not where each fetch can be looked at.</summary>
    bool TrapsUnknown { get; }

    /// <summary>The 4096 bytes of a copy.</summary>
    /// <param name="slot">Below <see cref="PageCount"/>.</param>
    Memory<byte> Page(int slot);

    /// <summary>Bytes of the window, which is <c>MonitorWindow.Size</c> long.</summary>
    Span<byte> Window(uint offset, int length);
}
