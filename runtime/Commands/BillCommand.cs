using System.CommandLine;
using System.Text.Json;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Loading;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary><c>runtime bill</c>: prices an interval, between two saved accounts or of a running host.</summary>
internal sealed class BillCommand
{
    private readonly Option<string> _tariff = new("--tariff") { Description = "YAML file with prices", HelpName = "FILE", Required = true };
    private readonly Option<string?> _from = new("--from") { Description = "accounts at the beginning, as stats --format json writes them", HelpName = "FILE" };
    private readonly Option<string?> _to = new("--to") { Description = "accounts at the end; without it the running host is asked", HelpName = "FILE" };
    private readonly Option<string> _socket = ControlOption.Create();

    public Command Build()
    {
        var command = new Command("bill", "Price what guests used, by a tariff.");
        command.Options.Add(_tariff);
        command.Options.Add(_from);
        command.Options.Add(_to);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime bill --tariff guest-kernels/tariff.yaml", "runtime bill --tariff tariff.yaml --from monday.json --to tuesday.json"]);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        Tariff tariff = TariffFile.Read(result.GetRequiredValue(_tariff));
        HostReport? from = result.GetValue(_from) is string before ? Load("--from", before) : null;
        HostReport to = result.GetValue(_to) is string after ? Load("--to", after) : AccountJson.Read(ControlOption.Ask(result.GetRequiredValue(_socket), "report"));
        if (from is not null && from.UptimeNanoseconds > to.UptimeNanoseconds)
        {
            throw new UsageException("--from: these accounts are later than those at the end, or another host's");
        }

        Console.Out.Write(BillText.Write(tariff, from, to));
        return 0;
    }

    private static HostReport Load(string option, string path)
    {
        try
        {
            return AccountJson.Read(File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {FileTrouble.Reason(exception, path)}");
        }
        catch (JsonException)
        {
            throw new UsageException($"{option} {path}: no accounts of a host");
        }
    }
}
