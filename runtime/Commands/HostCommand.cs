// runtime host: many guests on the processors that they are given, until all have ended or the user stops them.
using System.CommandLine;
using System.Runtime.InteropServices;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Network;
using Runtime.Reporting;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>The options and the action of <c>runtime host</c>.</summary>
internal sealed class HostCommand
{
    private static readonly string[] Examples =
    [
        "runtime host guest-kernels/guests.yaml",
        "runtime host guests.yaml --cpus 1 --csv accounts.csv --interval 1s",
        "runtime host guests.yaml --prometheus metrics.prom --otlp http://127.0.0.1:4317",
    ];

    private readonly Argument<string> _file = new("FILE") { Description = "YAML file that describes the host and its guests" };
    private readonly Option<int?> _cpus = new("--cpus") { Description = "processors of this machine that the guests share", HelpName = "N" };
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Option<string> _interval = new("--interval") { Description = "time between two status lines", HelpName = "TIME", DefaultValueFactory = _ => "1s" };
    private readonly Option<string?> _timeLimit = new("--time-limit") { Description = "stop all guests after this time, e.g. 60s", HelpName = "TIME" };
    private readonly AccountOutputOptions _outputs = new();

    public Command Build()
    {
        var command = new Command("host", "Run many guests side by side, each with its share and its account.");
        command.Arguments.Add(_file);
        command.Options.Add(_cpus);
        command.Options.Add(_socket);
        command.Options.Add(_interval);
        command.Options.Add(_timeLimit);
        _outputs.AddTo(command);
        HelpExamples.AddTo(command, Examples);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new UsageException("host needs Linux");
        }

        TimeSpan interval = Quantity.ParseTime(result.GetRequiredValue(_interval), "--interval");
        TimeSpan? limit = result.GetValue(_timeLimit) is string text ? Quantity.ParseTime(text) : null;
        int? cpus = result.GetValue(_cpus);
        if (cpus is int wanted && (wanted < 1 || wanted > Time.HostThread.Processors.Count))
        {
            throw new UsageException($"--cpus {wanted}: this machine has 1 to {Time.HostThread.Processors.Count} to give");
        }

        HostDescription description = GuestsFile.Read(result.GetRequiredValue(_file), cpus);
        Outcome? stopped = null;
        using HostNetwork? network = OpenNetwork(description);
        using var host = new GuestHost(description, PreparedGuest.Prepare(description), network);
        void Stop(Outcome outcome)
        {
            stopped ??= outcome;
            host.StopAll(outcome);
        }

        using AccountOutputs outputs = _outputs.Open(result, host.Report);
        using ControlServer control = Listen(host, result.GetRequiredValue(_socket), () => Stop(Outcome.Stopped));
        using var signals = new EndOnSignal(Stop);
        outputs.Begin(host.Report());
        host.Start();
        long began = Environment.TickCount64;
        new HostDisplay(host.Report, interval).Run(IsOver, outputs.Write);
        host.Join();
        HostReport report = host.Report();
        outputs.Write(report);
        Summarize(host, report);
        return stopped?.ExitStatus ?? host.Guests.Max(guest => guest.Outcome!.ExitStatus == Outcome.GuestDiedStatus ? Outcome.GuestDiedStatus : 0);

        bool IsOver(TimeSpan wait)
        {
            if (limit is TimeSpan most)
            {
                TimeSpan left = most - TimeSpan.FromMilliseconds(Environment.TickCount64 - began);
                if (left <= TimeSpan.Zero)
                {
                    Stop(Outcome.TimeLimit);
                }

                wait = left > TimeSpan.Zero && left < wait ? left : wait;
            }

            return host.WaitForEnd(wait);
        }
    }

    /// <summary>The network of guests that have a card; null when none has.</summary>
    private static HostNetwork? OpenNetwork(HostDescription host)
    {
        NetworkDescription network = host.Network;
        if (!host.Guests.Any(guest => guest.IsOnNetwork))
        {
            return null;
        }

        try
        {
            return new NetworkOptions(network.Kind, [.. network.Forwards], network.Capture).Open(new HostClock());
        }
        catch (UsageException refused)
        {
            throw new DescriptionException(network.Place, refused.Message.TrimStart('-'));
        }
    }

    private static ControlServer Listen(GuestHost host, string path, Action stop)
    {
        try
        {
            return OperatingSystem.IsWindows() ? throw new IOException("no local sockets here") : new ControlServer(host, path, stop);
        }
        catch (IOException exception)
        {
            throw new UsageException("--socket: " + exception.Message);
        }
    }

    private static void Summarize(GuestHost host, HostReport report)
    {
        try
        {
            Console.Out.Write(StatusLine.Table(StatusLine.Between(null, report), HostDisplay.Width));
            foreach (HostedGuest guest in host.Guests.Where(guest => guest.Note is not null))
            {
                Console.Error.WriteLine($"runtime: {guest.Description.Name}: {guest.Note}");
            }
        }
        catch (IOException)
        {
            // Nobody is there to read it; accounts and exit status stand.
        }
    }
}
