namespace Runtime.Engines;

/// <summary>IA32_APIC_BASE (SDM vol. 3, 11.4.4): where the local APIC's registers are, and whether there is one. CPUID shows the latter.</summary>
/// <param name="isEnabled">At power-on; a PC's firmware may have disabled it.</param>
public sealed class ApicBaseRegister(bool isEnabled)
{
    public const uint DefaultAddress = 0xFEE0_0000;

    private const uint BootProcessor = 1 << 8, Enabled = 1 << 11;

    /// <summary>Bits that are neither flags nor part of an address of 36 bits; x2APIC mode, which does not exist here, is one of them.</summary>
    private const ulong Reserved = ~0xF_FFFF_F900ul;

    /// <summary>The register was written.</summary>
    public event Action? Changed;

    public ulong Value { get; private set; } = DefaultAddress | BootProcessor | (isEnabled ? Enabled : 0);

    public bool IsEnabled => (Value & Enabled) != 0;

    public ulong Address => Value & ~0xFFFul;

    /// <returns>False when the value is none that the register takes: #GP.</returns>
    public bool TryWrite(ulong value)
    {
        if ((value & Reserved) != 0)
        {
            return false;
        }

        if (value != Value)
        {
            Value = value;
            Changed?.Invoke();
        }

        return true;
    }
}
