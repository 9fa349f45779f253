using Runtime.Abi.Xen;
using Runtime.Devices.Xen;
using Runtime.Network;
using Runtime.Time;

namespace Runtime.Devices.Ethernet;

/// <summary>A network interface that the guest reaches through two rings (public/io/netif.h): eth0 of Linux's xen-netfront. The guest's end of the
/// cable is the one that the emulated card has until the guest unplugs that.</summary>
public sealed class NetBackend(BackendHost host, GuestPort cable) : XenbusDevice(host, "vif", 0), ITimedDevice
{
    private readonly List<uint> _ports = [];
    private readonly List<uint> _references = [];
    private NetTransmitter? _transmitter;
    private NetReceiver? _receiver;

    long ITimedDevice.NextDeadline => _transmitter?.NextDeadline ?? DeadlineQueue.Never;

    void ITimedDevice.Advance(long now) => _transmitter?.Service();

    protected override void Describe()
    {
        string address = cable.Address.ToString();
        Host.Store.Write(Front + "/mac", address);
        Host.Store.Write(Front + "/handle", "0");
        Write("mac", address);
        Write("handle", "0");
        Write("feature-rx-copy", "1");
        Write("feature-rx-flip", "1");
        Write("feature-sg", "1");
        Write("feature-gso-tcpv4", "1");
        Write("feature-split-event-channels", "1");
    }

    protected override bool TryConnect(out string refusal)
    {
        if (!TryPinRing("tx-ring-ref", out uint transmitFrame, out refusal) || !TryPinRing("rx-ring-ref", out uint receiveFrame, out refusal))
        {
            return false;
        }

        uint? shared = ReadFront("event-channel");
        uint? transmitPort = ReadFront("event-channel-tx") ?? shared, receivePort = ReadFront("event-channel-rx") ?? shared;
        if (transmitPort is not uint transmit || receivePort is not uint receive)
        {
            refusal = "event-channel, or event-channel-tx and event-channel-rx, are missing";
            return false;
        }

        if (!TryBind(transmit, () => _transmitter?.Notified(), out refusal)
            || (receive == transmit ? !TryShare() : !TryBind(receive, () => _receiver?.Service(), out refusal)))
        {
            return false;
        }

        bool takesLarge = ReadFront("feature-sg") is 1 && ReadFront("feature-gso-tcpv4") is 1;
        _transmitter = new NetTransmitter(Host, cable, transmitFrame, transmit);
        bool flips = ReadFront("request-rx-copy") is not 1;
        _receiver = new NetReceiver(Host, cable, receiveFrame, receive, takesLarge, flips);
        cable.Writable = _transmitter.Service;
        cable.Arrived = _receiver.Service;
        _transmitter.Service();
        _receiver.Service();
        return true;

        // One port for both rings: a notification may mean either.
        bool TryShare()
        {
            Host.Events.DisconnectBackend(transmit);
            _ports.Clear();
            return TryBind(transmit, ServiceBoth, out _);
        }
    }

    protected override void Disconnect()
    {
        if (_transmitter is not null)
        {
            cable.Writable = cable.Arrived = null;
            _transmitter.Dispose();
        }

        (_transmitter, _receiver) = (null, null);
        _ports.ForEach(Host.Events.DisconnectBackend);
        _ports.Clear();
        _references.ForEach(reference => Host.Grants.Unpin(reference, write: true));
        _references.Clear();
    }

    private void ServiceBoth()
    {
        _transmitter?.Notified();
        _receiver?.Service();
    }

    private bool TryPinRing(string node, out uint frame, out string refusal)
    {
        frame = 0;
        refusal = "";
        if (ReadFront(node) is not uint reference || Host.Grants.TryPin(reference, write: true, out frame) != GrantStatus.Okay)
        {
            refusal = node + " is missing or no grant";
            return false;
        }

        _references.Add(reference);
        return true;
    }

    private bool TryBind(uint port, Action notified, out string refusal)
    {
        refusal = "";
        if (Host.Events.ConnectBackend(port, notified) != XenError.None)
        {
            refusal = $"event channel {port} is not unbound";
            return false;
        }

        _ports.Add(port);
        return true;
    }
}
