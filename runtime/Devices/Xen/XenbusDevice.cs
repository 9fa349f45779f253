// How the back end of a ring device and its front end in the guest find each other: both write their state into XenStore and watch the other's
// (public/io/xenbus.h). A front end that misbehaves gets its device closed; nothing else happens.
using System.Globalization;
using Runtime.Abi.Xen;
using Runtime.XenStore;

namespace Runtime.Devices.Xen;

/// <summary>The back end's half of the handshake. Everything but what a device starts itself is on the vcpu's thread.</summary>
public abstract class XenbusDevice : IDisposable
{
    private XenbusState _state = XenbusState.Unknown;
    private bool _isDisposed;

    /// <param name="kind">"vbd", "vif".</param>
    protected XenbusDevice(BackendHost host, string kind, uint number)
    {
        Host = host;
        (Front, Back) = GuestNodes.CreateDevice(host.Store, host.Domain, kind, number);
    }

    protected BackendHost Host { get; }

    /// <summary>Path of the front end's nodes, which the guest writes.</summary>
    protected string Front { get; }

    /// <summary>Path of the back end's nodes.</summary>
    protected string Back { get; }

    protected bool IsConnected => _state == XenbusState.Connected;

    /// <summary>Makes the device known to the guest. To be called once, by whoever made it.</summary>
    public void Offer()
    {
        Write("frontend", Front);
        Write("frontend-id", Number(Host.Domain));
        Write("online", "1");
        Describe();
        Host.Store.Write(Front + "/backend", Back);
        Host.Store.Write(Front + "/backend-id", Number(DomainId.Control));
        Host.Store.Write(Front + "/state", Number((int)XenbusState.Initialising));
        Enter(XenbusState.InitialisingAndWaiting);
        Host.Store.Watch(this, Front + "/state", _ => FrontChanged());
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        Host.Store.Unwatch(this);
        Disconnect();
        GC.SuppressFinalize(this);
    }

    /// <summary>The guest waits for an answer of this device, which as a rule comes within microseconds.</summary>
    public virtual bool IsAtWork => false;

    /// <summary>Processor time used on threads of its own.</summary>
    public virtual long ThreadNanoseconds => 0;

    /// <summary>Writes the nodes that a front end reads before it offers its rings.</summary>
    protected abstract void Describe();

    /// <summary>Takes the rings that the front end has offered, and writes what it reads when it finds the device connected.</summary>
    /// <param name="refusal">What is wrong with the offer.</param>
    protected abstract bool TryConnect(out string refusal);

    /// <summary>Lets go of rings and event channels; nothing touches the guest's pages afterwards. Also called when never connected.</summary>
    protected abstract void Disconnect();

    protected void Write(string node, string value) => Host.Store.Write($"{Back}/{node}", value);

    /// <summary>A number that the front end has written; null when there is none.</summary>
    protected uint? ReadFront(string node)
        => uint.TryParse(Host.Store.Read($"{Front}/{node}"), NumberStyles.None, CultureInfo.InvariantCulture, out uint value) ? value : null;

    protected string? ReadFrontText(string node) => Host.Store.Read($"{Front}/{node}");

    protected static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private void FrontChanged()
    {
        switch ((XenbusState)(ReadFront("state") ?? 0))
        {
            case XenbusState.Initialising when _state is XenbusState.Closed or XenbusState.Closing:
                Enter(XenbusState.InitialisingAndWaiting);
                break;
            case XenbusState.Initialised or XenbusState.Connected when _state == XenbusState.InitialisingAndWaiting:
                Connect();
                break;
            case XenbusState.Closing when _state is not (XenbusState.Closing or XenbusState.Closed):
                Disconnect();
                Enter(XenbusState.Closing);
                break;
            case XenbusState.Closed or XenbusState.Unknown when _state is not (XenbusState.Closed or XenbusState.InitialisingAndWaiting):
                Disconnect();
                Enter(XenbusState.Closed);
                break;
        }
    }

    private void Connect()
    {
        if (TryConnect(out string refusal))
        {
            Enter(XenbusState.Connected);
            return;
        }

        Disconnect();
        Host.Store.Write($"{StorePath.Home(DomainId.Control)}/error{Back[StorePath.Home(DomainId.Control).Length..]}/error", refusal);
        Enter(XenbusState.Closed);
    }

    private void Enter(XenbusState state)
    {
        _state = state;
        Write("state", Number((int)state));
    }
}
