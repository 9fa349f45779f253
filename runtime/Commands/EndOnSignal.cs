using System.Runtime.InteropServices;

namespace Runtime.Commands;

/// <summary>While it lives, Ctrl-C and the signals that ask a process to end make machines end first, so that everything is put in order.
/// A second one ends the process at once.</summary>
internal sealed class EndOnSignal : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _count;

    public EndOnSignal(VirtualMachine machine)
        : this(machine.End)
    {
    }

    /// <param name="end">Called for each such signal, on another thread.</param>
    public EndOnSignal(Action<Outcome> end)
    {
        Register(PosixSignal.SIGINT, Outcome.Interrupted);
        Register(PosixSignal.SIGTERM, new Outcome(128 + 15, "terminated"));
        Register(PosixSignal.SIGHUP, new Outcome(128 + 1, "hung up"));

        void Register(PosixSignal signal, Outcome outcome) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = Interlocked.Increment(ref _count) == 1;
            end(outcome);
        }));
    }

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());
}
