namespace Runtime.Devices;

/// <summary>What drives a processor's interrupt input.</summary>
public interface IInterruptSource
{
    /// <summary>The level of INTR at the processor.</summary>
    bool IsInterruptPending { get; }

    /// <summary>The vector of the interrupt that the processor now takes.</summary>
    byte Acknowledge();

    /// <summary>Whether an NMI is due, which is thereby taken.</summary>
    bool TryTakeNonMaskable() => false;
}
