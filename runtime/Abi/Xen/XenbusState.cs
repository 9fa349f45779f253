namespace Runtime.Abi.Xen;

/// <summary>The states through which the two ends of a device find each other (public/io/xenbus.h).</summary>
public enum XenbusState
{
    Unknown = 0,
    Initialising = 1,
    InitialisingAndWaiting = 2,
    Initialised = 3,
    Connected = 4,
    Closing = 5,
    Closed = 6,
}
