using System.CommandLine;
using Runtime.Accounts;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary>Where a host writes its accounts to, as options of a command.</summary>
internal sealed class AccountOutputOptions
{
    private readonly Option<string?> _csv = new("--csv") { Description = "write a row of accounts for each guest and interval", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "write the accounts as JSON, anew at each interval", HelpName = "FILE" };
    private readonly Option<string?> _prometheus = new("--prometheus") { Description = "write the accounts in Prometheus' text format, anew at each interval", HelpName = "FILE" };
    private readonly Option<string?> _otlp = new("--otlp") { Description = "send the accounts as OpenTelemetry metrics to a collector", HelpName = "URL" };

    public void AddTo(Command command)
    {
        command.Options.Add(_csv);
        command.Options.Add(_json);
        command.Options.Add(_prometheus);
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

        StreamWriter? csv = result.GetValue(_csv) is string path ? Create("--csv", path) : null;
        return new AccountOutputs(csv, result.GetValue(_json), result.GetValue(_prometheus), collector is null ? null : AccountMetrics.Export(report, collector));
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
internal sealed class AccountOutputs(StreamWriter? csv, string? jsonPath, string? prometheusPath, IDisposable? exporter) : IDisposable
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
