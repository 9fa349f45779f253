// What --stats writes: the account of one run, for people and for compare.
using System.Text.Json;
using System.Text.Json.Serialization;
using Runtime.Abi;
using Runtime.Commands;
using Runtime.Engines;
using Runtime.Loading;

namespace Runtime.Reporting;

/// <summary>Exits for one reason.</summary>
public sealed record ExitStatistic(string Reason, long Count, long Nanoseconds);

/// <summary>Exits at one guest address.</summary>
public sealed record SiteStatistic(string Address, string? Symbol, long Count, long Nanoseconds);

/// <summary>One run. Times are in nanoseconds; <paramref name="Exits"/> and <paramref name="Sites"/> begin with the dearest.</summary>
/// <param name="GuestCpuNanoseconds">Time in guest code.</param>
/// <param name="DiskExits">Times that the guest was left during each of its disk measurements, by name (<see cref="ExitMarks"/>), then by reason.</param>
public sealed record RunStatistics(
    string Image,
    string Mode,
    string Engine,
    int ExitStatus,
    string? Outcome,
    long WallNanoseconds,
    long GuestCpuNanoseconds,
    IReadOnlyList<ExitStatistic> Exits,
    IReadOnlyList<SiteStatistic> Sites,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> DiskExits)
{
    private const int SiteCount = 32;

    public static RunStatistics Collect(
        string image, ExecutionMode mode, string engine, Outcome outcome, TimeSpan wall, long guestNanoseconds, ExitCounters counters, SymbolTable symbols,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> diskExits)
        => new(
            image,
            mode.ToString().ToLowerInvariant(),
            engine,
            outcome.ExitStatus,
            outcome.Line,
            (long)(wall.TotalMicroseconds * 1000),
            guestNanoseconds,
            [.. counters.Reasons.Where(reason => reason.Count > 0).OrderByDescending(reason => reason.Nanoseconds)
                .Select(reason => new ExitStatistic(KebabCase(reason.Reason), reason.Count, reason.Nanoseconds))],
            [.. counters.Sites.Hottest(SiteCount)
                .Select(site => new SiteStatistic($"0x{site.Eip:x8}", symbols.Find(site.Eip), site.Count, site.Nanoseconds))],
            diskExits.ToDictionary(measurement => measurement.Key, measurement => ByName(measurement.Value)));

    /// <exception cref="UsageException">The file cannot be written; what was there before is kept.</exception>
    public void Save(string path)
    {
        string partial = path + ".partial";
        try
        {
            File.WriteAllText(partial, JsonSerializer.Serialize(this, StatisticsJson.Default.RunStatistics) + "\n");
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--stats {path}: {FileTrouble.Reason(exception, path)}");
        }
    }

    /// <exception cref="JsonException">The text is not what <see cref="Save"/> writes.</exception>
    public static RunStatistics? Parse(string json) => JsonSerializer.Deserialize(json, StatisticsJson.Default.RunStatistics);

    private static IReadOnlyDictionary<string, long> ByName(IReadOnlyDictionary<string, long> byReason)
        => byReason.Where(reason => reason.Value > 0).OrderByDescending(reason => reason.Value).ToDictionary(reason => KebabCase(reason.Key), reason => reason.Value);

    private static string KebabCase(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}

/// <summary>Serialization code generated at compile time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RunStatistics))]
[JsonSerializable(typeof(ComparisonReport))]
internal sealed partial class StatisticsJson : JsonSerializerContext;
