namespace Runtime.Memory;

/// <summary>What answers at guest-physical addresses above RAM. Called on the thread that runs the guest.</summary>
public interface IDeviceMemory
{
    /// <param name="size">1, 2 or 4 bytes.</param>
    uint Read(ulong address, int size);

    /// <param name="size">1, 2 or 4 bytes.</param>
    void Write(ulong address, int size, uint value);
}
