namespace Runtime.Devices;

/// <summary>What an interrupt message asks the processor for (SDM vol. 3, figure 11-12).</summary>
public enum ApicDelivery : byte
{
    Fixed = 0,
    LowestPriority = 1,
    SystemManagement = 2,
    NonMaskable = 4,
    Init = 5,
    StartUp = 6,
    External = 7,
}

/// <summary>An interrupt on its way to local APICs.</summary>
/// <param name="Destination">An APIC's identifier, or a set of logical ones.</param>
/// <param name="IsLevel">Its end is to be told to the I/O APIC.</param>
public readonly record struct ApicMessage(byte Vector, ApicDelivery Delivery, byte Destination, bool IsLogical, bool IsLevel)
{
    /// <summary>To every APIC.</summary>
    public const byte ToAll = 0xFF;

    public bool HasVector => Delivery is ApicDelivery.Fixed or ApicDelivery.LowestPriority;
}
