using System.CommandLine;
using System.Net.Sockets;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary>Where a host writes its accounts to, as options of a command.</summary>
internal sealed class AccountOutputOptions
{
    private readonly Option<string?> _csv = new("--csv") { Description = "write a row of accounts for each guest and interval", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "write the accounts as JSON, anew at each interval", HelpName = "FILE" };
    private readonly Option<string?> _prometheus = new("--prometheus") { Description = "write the accounts in Prometheus' text format, anew at each interval", HelpName = "FILE" };
    private readonly Option<int?> _port = new("--prometheus-port") { Description = "answer a Prometheus server at http://127.0.0.1:PORT/metrics", HelpName = "PORT" };
    private readonly Option<string?> _otlp = new("--otlp")
    {
        Description = "send the accounts as OpenTelemetry metrics to a collector, over gRPC, or over HTTP where the URL has a path",
        HelpName = "URL",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_csv);
        command.Options.Add(_json);
        command.Options.Add(_prometheus);
        command.Options.Add(_port);
        command.Options.Add(_otlp);
    }

    /// <exception cref="UsageException">A file cannot be written.</exception>
    public AccountOutputs Open(ParseResult result, Func<HostReport> report)
    {
        string? url = result.GetValue(_otlp);
        Uri? collector = null;
        if (url is not null && (!Uri.TryCreate(url, UriKind.Absolute, out collector) || collector.Scheme is not ("http" or "https")))
        {
            throw new UsageException($"--otlp {url}: not a URL such as http://127.0.0.1:4317");
        }

        MetricsServer? server = result.GetValue(_port) is int port ? Listen(port, report) : null;
        StreamWriter? csv = result.GetValue(_csv) is string path ? Create("--csv", path) : null;
        return new AccountOutputs(csv, result.GetValue(_json), result.GetValue(_prometheus), collector is null ? null : AccountMetrics.Export(report, collector), server);
    }

    private static MetricsServer Listen(int port, Func<HostReport> report)
    {
        try
        {
            return port is > 0 and < 65536
                ? new MetricsServer(port, () => PrometheusText.Write(report()))
                : throw new UsageException($"--prometheus-port {port}: not a port from 1 to 65535");
        }
        catch (SocketException exception)
        {
            throw new UsageException($"--prometheus-port {port}: {exception.Message}");
        }
    }

    private static StreamWriter Create(string option, string path)
    {
        try
        {
            return new StreamWriter(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {MachineOptions.Reason(exception)}");
        }
    }
}

/// <summary>Writes each report everywhere.</summary>
internal sealed class AccountOutputs(StreamWriter? csv, string? jsonPath, string? prometheusPath, IDisposable? exporter, IDisposable? server) : IDisposable
{
    private readonly AccountCsv? _csv = csv is null ? null : new AccountCsv(csv);

    /// <exception cref="UsageException">A file cannot be written.</exception>
    public void Write(HostReport report)
    {
        _csv?.Write(report);
        Replace("--json", jsonPath, () => AccountJson.Write(report));
        Replace("--prometheus", prometheusPath, () => PrometheusText.Write(report));
    }

    public void Dispose()
    {
        _csv?.Dispose();
        exporter?.Dispose();
        server?.Dispose();
    }

    /// <summary>Whoever reads the file finds the old text or the new one, never a part.</summary>
    private static void Replace(string option, string? path, Func<string> text)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            File.WriteAllText(path + ".partial", text());
            File.Move(path + ".partial", path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {MachineOptions.Reason(exception)}");
        }
    }
}
