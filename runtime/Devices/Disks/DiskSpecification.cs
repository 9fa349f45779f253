namespace Runtime.Devices.Disks;

/// <summary>A disk as users name it: FILE, FILE,readonly or FILE,overlay=FILE. A file whose own name ends like that is taken for itself.</summary>
/// <param name="Overlay">Where changes go instead of to the file; null for none.</param>
public sealed record DiskSpecification(string Path, bool IsReadOnly, string? Overlay)
{
    private const string ReadOnlySuffix = ",readonly", OverlayKey = ",overlay=";

    public static DiskSpecification Parse(string text)
    {
        int overlay = text.IndexOf(OverlayKey, StringComparison.Ordinal);
        return File.Exists(text) ? new DiskSpecification(text, false, null)
            : text.EndsWith(ReadOnlySuffix, StringComparison.Ordinal) ? new DiskSpecification(text[..^ReadOnlySuffix.Length], true, null)
            : overlay >= 0 ? new DiskSpecification(text[..overlay], false, text[(overlay + OverlayKey.Length)..])
            : new DiskSpecification(text, false, null);
    }

    /// <summary>A disk that may be written is the machine's alone.</summary>
    /// <exception cref="IOException">A file is missing, is none, is empty, or another program holds it; or the overlay is refused.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not use a file.</exception>
    public DiskImage Open()
    {
        DiskImage disk = Overlay is not null ? DiskImage.OpenOverlay(Path, Overlay) : IsReadOnly ? DiskImage.OpenReadOnly(Path) : DiskImage.Open(Path, FileShare.None);
        if (disk.SectorCount == 0)
        {
            disk.Dispose();
            throw new IOException("empty: a disk has a sector at least");
        }

        return disk;
    }
}
