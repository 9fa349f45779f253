namespace Runtime.Memory;

/// <summary>An address on the guest's physical bus.</summary>
public readonly record struct GuestPhysicalAddress(ulong Value)
{
    public static GuestPhysicalAddress operator +(GuestPhysicalAddress address, uint bytes) => new(address.Value + bytes);

    /// <summary>Number of the 4 KiB frame that holds the address.</summary>
    public uint Frame => (uint)(Value >> 12);

    public override string ToString() => $"0x{Value:x8}";
}
