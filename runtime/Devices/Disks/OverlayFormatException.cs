namespace Runtime.Devices.Disks;

/// <summary>A file that is offered as an overlay is none, is damaged, or belongs to another disk.</summary>
public sealed class OverlayFormatException(string reason) : IOException(reason);
