namespace Runtime.Network;

/// <summary>What is plugged into a port of a switch.</summary>
public interface ISwitchClient
{
    /// <summary>A frame for this client, which releases it in the end. In the network's turn; must not wait. A client with no room drops it.</summary>
    void Deliver(EthernetFrame frame);

    /// <summary>There is room again after <see cref="SwitchPort.TryTransmit"/> has refused. In the network's turn.</summary>
    void Drained();
}
