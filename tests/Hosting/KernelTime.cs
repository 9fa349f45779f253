using System.Globalization;
using Runtime.Hosting;

namespace Tests.Hosting;

/// <summary>What the kernel says was used for guests of this process, by the files that ps reads, and what their accounts say at the same instant.</summary>
internal static class KernelTime
{
    /// <summary>Seconds of all children that have ended so far, whoever started them.</summary>
    public static double EndedChildren
    {
        get
        {
            // cutime and cstime of proc(5), in hundredths of a second.
            string[] fields = Fields("/proc/self/stat");
            return (double.Parse(fields[13], CultureInfo.InvariantCulture) + double.Parse(fields[14], CultureInfo.InvariantCulture)) / 100;
        }
    }

    /// <summary>Both in seconds, taken with all guests paused. The kernel's has <see cref="EndedChildren"/> in it: guests end processes of theirs.</summary>
    /// <param name="threads">Names of this process's threads that work for guests, beside those of the guests themselves.</param>
    public static (double Accounts, double Kernel) Measure(GuestHost host, params string[] threads)
    {
        foreach (HostedGuest guest in host.Guests)
        {
            guest.Pause();
        }

        long used = -1, before;
        do
        {
            before = used;
            Thread.Sleep(50);
            used = host.Report().Guests.Sum(guest => guest.Cpu.Used);
        }
        while (used != before);
        string[] names = [.. threads, "alarm", .. host.Guests.Select(guest => "guest " + guest.Description.Name)];
        double alive = Directory.EnumerateDirectories("/proc/self/task").Where(task => names.Contains(Read(task + "/comm").Trim())).Sum(task => Seconds(task + "/schedstat"))
            + Children().Sum(child => Seconds($"/proc/{child}/schedstat"));
        double ended = EndedChildren;
        foreach (HostedGuest guest in host.Guests)
        {
            guest.Resume();
        }

        return (used / 1e9, alive + ended);
    }

    /// <summary>Processes whose parent this one is, but for those that have ended.</summary>
    public static IEnumerable<int> Children()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int process) && Fields(folder + "/stat") is { Length: > 13 } fields
                && int.Parse(fields[1], CultureInfo.InvariantCulture) == Environment.ProcessId && fields[0] != "Z")
            {
                yield return process;
            }
        }
    }

    /// <summary>Time on a processor, of one thread: in nanoseconds, where stat has hundredths of a second, which many short processes would be lost in.</summary>
    private static double Seconds(string schedstat) => Read(schedstat).Split(' ') is { Length: 3 } fields ? double.Parse(fields[0], CultureInfo.InvariantCulture) / 1e9 : 0;

    private static string[] Fields(string stat)
    {
        string text = Read(stat);
        return text.Length == 0 ? [] : text[(text.LastIndexOf(')') + 2)..].Split(' ');
    }

    /// <summary>Nothing where the process or thread has just ended.</summary>
    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
