using System.Globalization;
using System.Text.RegularExpressions;

namespace Runtime.Reporting;

/// <summary>What a guest moved to or from a disk: it prints <c>disk NAME begins</c>, and <c>disk NAME bytes B operations N us T</c> at the end.</summary>
/// <param name="Exits">Meanwhile; null where that is not known.</param>
public sealed partial record DeviceFigure(string Name, long Bytes, long Operations, long Microseconds, long? Exits)
{
    private const double Mebi = 1 << 20;

    /// <summary>MiB/s; null where the guest's clock did not move.</summary>
    public double? Rate => Microseconds > 0 ? Bytes / Mebi / (Microseconds / 1e6) : null;

    /// <summary>Exits for each MiB.</summary>
    public double? ExitsPerMebibyte => Bytes > 0 ? Exits / (Bytes / Mebi) : null;

    /// <summary>All figures in what a guest wrote, in its order; a name that comes twice counts once, the last time.</summary>
    /// <param name="exits">By name, of all reasons; see <see cref="ExitMarks"/>.</param>
    public static IReadOnlyList<DeviceFigure> ReadAll(string output, IReadOnlyDictionary<string, long> exits)
    {
        var figures = new OrderedDictionary<string, DeviceFigure>();
        foreach (Match match in Line().Matches(output))
        {
            string name = match.Groups["name"].Value;
            if (TryNumber(match.Groups["bytes"], out long bytes) && TryNumber(match.Groups["operations"], out long operations) && TryNumber(match.Groups["us"], out long time))
            {
                figures[name] = new DeviceFigure(name, bytes, operations, time, exits.TryGetValue(name, out long count) ? count : null);
            }
        }

        return [.. figures.Values];
    }

    private static bool TryNumber(Group group, out long value) => long.TryParse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    [GeneratedRegex(@"^disk (?<name>\S+) bytes (?<bytes>\d+) operations (?<operations>\d+) us (?<us>\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
