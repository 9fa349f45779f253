namespace Runtime.Devices;

/// <summary>The other end of a serial cable: where a UART sends bytes to and gets them from. Called by the vCPU's thread only.</summary>
public interface ISerialEndpoint
{
    /// <summary>Bytes have come since the last <see cref="AcknowledgeArrival"/>. Cheap: asked on every exit.</summary>
    bool HasArrived { get; }

    void AcknowledgeArrival();

    void Send(byte value);

    /// <summary>The next byte that has arrived, if any.</summary>
    bool TryReceive(out byte value);
}

/// <summary>A cable with nobody at the other end.</summary>
public sealed class NullSerialEndpoint : ISerialEndpoint
{
    public bool HasArrived => false;

    public void AcknowledgeArrival()
    {
    }

    public void Send(byte value)
    {
    }

    public bool TryReceive(out byte value)
    {
        value = 0;
        return false;
    }
}
