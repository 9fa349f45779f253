using System.Globalization;
using System.Text.RegularExpressions;

namespace Runtime.Reporting;

/// <summary>A figure that a guest prints of itself: <c>bench NAME iterations N cycles C ns T</c>.</summary>
/// <param name="Cycles">Of the time-stamp counter, for one iteration.</param>
/// <param name="Nanoseconds">For one iteration.</param>
public sealed partial record GuestFigure(string Name, long Iterations, double Cycles, double Nanoseconds)
{
    /// <summary>All figures in what a guest wrote to its serial port, in its order; a name that comes twice counts once, the last time.</summary>
    public static IReadOnlyList<GuestFigure> ReadAll(string serialOutput)
    {
        var figures = new OrderedDictionary<string, GuestFigure>();
        foreach (Match match in Line().Matches(serialOutput))
        {
            string name = match.Groups["name"].Value;
            if (long.TryParse(match.Groups["iterations"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long iterations))
            {
                figures[name] = new GuestFigure(name, iterations, Number(match.Groups["cycles"]), Number(match.Groups["ns"]));
            }
        }

        return [.. figures.Values];
    }

    private static double Number(Group group) => double.Parse(group.ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^bench (?<name>\S+) iterations (?<iterations>\d+) cycles (?<cycles>\d+(\.\d+)?) ns (?<ns>\d+(\.\d+)?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
