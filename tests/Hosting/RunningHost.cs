using System.Diagnostics;
using Runtime;
using Runtime.Accounts;
using Runtime.Hosting;
using Tests.Boot;

namespace Tests.Hosting;

/// <summary>A host in this process whose guests are copies of <c>unruly</c>, or what KERNEL:WORDS says; stopped when disposed.</summary>
internal sealed class RunningHost : IDisposable
{

    /// <param name="guests">Each: name, mode of unruly or KERNEL:WORDS, and further lines of YAML.</param>
    public RunningHost(params (string Name, string Mode, string More)[] guests)
        : this("host: { cpus: 1 }", guests)
    {
    }

    public RunningHost(string header, params (string Name, string Mode, string More)[] guests)
    {
        string text = header + "\nguests:\n" + string.Concat(guests.Select(guest
            => $"  - name: {guest.Name}\n    kernel: {KernelOf(guest.Mode)}\n    append: {WordsOf(guest.Mode)}\n    memory: 16M\n" + (guest.More.Length > 0 ? $"    {guest.More}\n" : "")));
        HostDescription description = GuestsFile.Parse("test.yaml", text);
        Host = new GuestHost(description, PreparedGuest.Prepare(description));
        Host.Start();
        Wait(report => report.Guests.All(guest => guest.State != "starting"));
    }

    private static string KernelOf(string mode) => Repository.Kernel(mode.Contains(':') ? mode[..mode.IndexOf(':')] : "unruly");

    private static string WordsOf(string mode) => mode[(mode.IndexOf(':') + 1)..];

    public GuestHost Host { get; }

    public GuestReport this[string name] => Host.Report().Guests.Single(guest => guest.Name == name);

    /// <summary>Waits until something holds, for a minute at most.</summary>
    public void Wait(Func<HostReport, bool> holds)
    {
        long started = Stopwatch.GetTimestamp();
        while (!holds(Host.Report()))
        {
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromMinutes(1))
            {
                throw new TimeoutException("it does not come: " + Runtime.Reporting.AccountText.Write(Host.Report(), null));
            }

            Thread.Sleep(10);
        }
    }

    /// <summary>What all guests used between now and the moment at which they have used so much together.</summary>
    public IReadOnlyDictionary<string, CpuTimes> Use(TimeSpan total)
    {
        HostReport from = Host.Report(), to = from;
        long used = from.Guests.Sum(guest => guest.Cpu.Used);
        Wait(report => (to = report).Guests.Sum(guest => guest.Cpu.Used) - used >= total.TotalNanoseconds);
        return to.Guests.ToDictionary(guest => guest.Name, guest => guest.Cpu - from.Guests.Single(before => before.Name == guest.Name).Cpu);
    }

    public void Dispose()
    {
        Host.StopAll(Outcome.Stopped);
        Host.Join();
        Host.Dispose();
    }
}
