namespace Runtime.Devices;

/// <summary>The gate on address line 20. Its state can be set and read back in both places that a PC has for it, but memory is not
/// wrapped at 1 MiB: no kernel closes the gate once it runs in protected mode.</summary>
public sealed class A20Gate
{
    public bool IsOpen { get; set; } = true;
}
