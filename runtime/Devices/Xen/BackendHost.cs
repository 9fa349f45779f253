using Runtime.Events;
using Runtime.Memory;
using Runtime.Time;
using Runtime.XenStore;

namespace Runtime.Devices.Xen;

/// <summary>What the back ends of one guest's ring devices work with.</summary>
/// <param name="Domain">The guest's number.</param>
/// <param name="Completions">Runs on the vcpu's thread what a worker thread may not do itself.</param>
/// <param name="IsGuestIdle">Whether the guest's processor waits for an event. A glance from any thread.</param>
/// <param name="Kill">Ends a guest that breaks a ring. Safe from any thread.</param>
/// <param name="Reservation">The guest's memory, which a back end may give it more of.</param>
public sealed record BackendHost(
    ushort Domain, Store Store, EventChannels Events, GrantTable Grants, GuestMemory Ram, CompletionQueue Completions, Func<bool> IsGuestIdle, Action<string> Kill,
    IClock Clock, Reservation Reservation);
