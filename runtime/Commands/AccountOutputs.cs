using System.CommandLine;
using System.Net.Sockets;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Loading;
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

    /// <exception cref="UsageException">An address or port that is none, or is taken.</exception>
    public AccountOutputs Open(ParseResult result, Func<HostReport> report)
    {
        string? url = result.GetValue(_otlp);
        Uri? collector = null;
        if (url is not null && (!Uri.TryCreate(url, UriKind.Absolute, out collector) || collector.Scheme is not ("http" or "https")))
        {
            throw new UsageException($"--otlp {url}: not a URL such as http://127.0.0.1:4317");
        }

        MetricsServer? server = result.GetValue(_port) is int port ? Listen(port, report) : null;
        var outputs = new AccountOutputs(collector is null ? null : AccountMetrics.Export(report, collector), server);
        if (result.GetValue(_csv) is string csv)
        {
            outputs.AddRows("--csv", csv);
        }

        if (result.GetValue(_json) is string json)
        {
            outputs.AddText("--json", json, AccountJson.Write);
        }

        if (result.GetValue(_prometheus) is string prometheus)
        {
            outputs.AddText("--prometheus", prometheus, PrometheusText.Write);
        }

        return outputs;
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
}

/// <summary>Writes each report everywhere.</summary>
internal sealed class AccountOutputs(IDisposable? exporter, IDisposable? server) : IDisposable
{
    private readonly List<(string Option, string Path, Action<HostReport> Write)> _files = [];
    private AccountCsv? _csv;

    /// <summary>A file that gets rows at each report.</summary>
    /// <param name="option">What the user said, for messages.</param>
    public void AddRows(string option, string path) => _files.Add((option, path, report => (_csv ??= new AccountCsv(new StreamWriter(path))).Write(report)));

    /// <summary>A file whose text is replaced at each report: whoever reads it finds the old one or the new one, never a part.</summary>
    public void AddText(string option, string path, Func<HostReport, string> text) => _files.Add((option, path, report =>
    {
        File.WriteAllText(path + ".partial", text(report));
        File.Move(path + ".partial", path, overwrite: true);
    }
    ));

    /// <summary>Before any guest runs: what cannot be written is the user's to mend.</summary>
    /// <exception cref="UsageException">A file cannot be written.</exception>
    public void Begin(HostReport report)
    {
        foreach ((string option, string path, Action<HostReport> write) in _files)
        {
            if (Try(write, report, path) is string refusal)
            {
                throw new UsageException($"{option} {path}: {refusal}");
            }
        }
    }

    /// <summary>A file that cannot be written any more is given up, and the user told; guests go on.</summary>
    public void Write(HostReport report)
    {
        foreach ((string Option, string Path, Action<HostReport> Write) file in _files.ToArray())
        {
            if (Try(file.Write, report, file.Path) is string refusal)
            {
                _files.Remove(file);
                Console.Error.WriteLine($"runtime: {file.Option} {file.Path}: {refusal}; no more is written there");
            }
        }
    }

    public void Dispose()
    {
        exporter?.Dispose();
        server?.Dispose();
        Try(_ => _csv?.Dispose(), null!, "");
    }

    /// <returns>Why it could not be written; null when it was.</returns>
    private static string? Try(Action<HostReport> write, HostReport report, string path)
    {
        try
        {
            write(report);
            return null;
        }
        catch (Exception exception) when (FileTrouble.Is(exception))
        {
            return FileTrouble.Reason(exception, path);
        }
    }
}
