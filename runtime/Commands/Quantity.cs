using System.Globalization;

namespace Runtime.Commands;

/// <summary>Numbers with a unit on the command line.</summary>
public static class Quantity
{
    /// <summary>"128M", "1G", "4096K"; without a unit MiB, as in QEMU. Rounded up to whole 4 KiB frames.</summary>
    /// <exception cref="UsageException">No size, or one that no machine has.</exception>
    public static ulong ParseMemory(string text, string option = "--memory")
    {
        (ulong unit, string digits) = text.ToUpperInvariant() switch
        {
            [.. string number, 'K'] => (1UL << 10, number),
            [.. string number, 'M'] => (1UL << 20, number),
            [.. string number, 'G'] => (1UL << 30, number),
            string number => (1UL << 20, number),
        };
        bool isNumber = ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count);
        if (!isNumber || count > MachineLayout.MaximumMemory / unit)
        {
            (ulong least, ulong most) = (MachineLayout.MinimumMemory >> 20, MachineLayout.MaximumMemory >> 20);
            throw new UsageException($"{option} {text}: not a size from {least}M to {most}M");
        }

        ulong bytes = count * unit + 4095 & ~4095UL;
        return bytes >= MachineLayout.MinimumMemory
            ? bytes
            : throw new UsageException($"{option} {text}: a machine has at least {MachineLayout.MinimumMemory >> 20}M");
    }

    /// <summary>"60s", "500ms", "2m"; without a unit seconds.</summary>
    /// <exception cref="UsageException">No positive time.</exception>
    public static TimeSpan ParseTime(string text, string option = "--time-limit")
    {
        (double seconds, string digits) = text switch
        {
            [.. string number, 'm', 's'] => (0.001, number),
            [.. string number, 's'] => (1, number),
            [.. string number, 'm'] => (60, number),
            string number => (1, number),
        };
        bool isNumber = double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count);
        double total = count * seconds;
        return isNumber && total is > 0 and < 1e9
            ? TimeSpan.FromSeconds(total)
            : throw new UsageException($"{option} {text}: not a time such as 60s, 2m or 500ms");
    }
}
