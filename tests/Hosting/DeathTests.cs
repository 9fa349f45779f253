using System.Diagnostics;
using Runtime;
using Runtime.Hosting;
using Xunit;

namespace Tests.Hosting;

/// <summary>What a dead guest leaves behind: nothing.</summary>
[Collection(HostingCollection.Name)]
public sealed class DeathTests
{
    /// <summary>Processes killed from outside, guests stopped, guests that end by themselves: when all are gone, the host, which goes on, has none of their
    /// memory, descriptors, threads and processes.</summary>
    [Fact]
    public void DeadGuestsGiveEverythingBack()
    {
        string disk = Path.GetTempFileName();
        File.WriteAllBytes(disk, new byte[1 << 20]);
        var before = Holdings.Now();
        (string, string, string)[] dying = [.. Enumerable.Range(0, 4).SelectMany(number => new[]
        {
            ($"killed-{number}", "spaces", ""), ($"stopped-{number}", "thrash", ""), ($"over-{number}", "nothing-that-it-knows", ""),
        })];
        using (var host = new RunningHost([("flood", "xenabi:flood-disk", "disks: " + disk), .. dying]))
        {
            host.Wait(report => report.Guests[0].Disk.Reads > 100 && report.Guests.Count(guest => guest.State == "ended") == 4);
            Assert.True(Holdings.Now().Mappings > before.Mappings + 10);

            // As the kernel does when memory runs out: any of a guest's processes, at any instant.
            Kill(KernelTime.Children().Where(process => process % 2 == 0));

            foreach (HostedGuest guest in host.Host.Guests.Where(guest => !guest.Description.Name.StartsWith("killed", StringComparison.Ordinal)))
            {
                guest.Stop(Outcome.Stopped);
            }

            Kill(KernelTime.Children());

            host.Wait(report => report.Guests.All(guest => guest.State == "ended" && guest.Memory is { Pages: 0, ShadowPages: 0 }));
            host.Host.Join();
            // One signal is the host's own: it would wake the thread that watches slices.
            Holdings left = Holdings.Now(), hosts = before with { Signals = before.Signals + 1 };
            Assert.True(left.IsNoMoreThan(hosts), $"without guests it would be {hosts}, now it is {left}");
            Assert.Contains(host.Host.Guests, guest => guest.Outcome!.Line?.Contains("stub process was killed", StringComparison.Ordinal) == true);
        }

        File.Delete(disk);
    }

    private static void Kill(IEnumerable<int> processes)
    {
        foreach (int process in processes.ToArray())
        {
            try
            {
                using var doomed = Process.GetProcessById(process);
                doomed.Kill();
            }
            catch (ArgumentException)
            {
                // It has ended by itself.
            }
        }
    }

    /// <summary>What this process has for guests.</summary>
    /// <param name="Memories">Descriptors of memfds.</param>
    /// <param name="Signals">Descriptors of eventfds.</param>
    /// <param name="Mappings">Mappings of memfds.</param>
    private sealed record Holdings(int Memories, int Signals, int Mappings, int Threads, int Processes)
    {
        public static Holdings Now()
        {
            string[] descriptors = [.. Directory.EnumerateFiles("/proc/self/fd").Select(file => File.ResolveLinkTarget(file, false)?.Name ?? "")];
            return new Holdings(
                descriptors.Count(name => name.StartsWith("memfd:ram", StringComparison.Ordinal) || name.StartsWith("memfd:control", StringComparison.Ordinal)),
                descriptors.Count(name => name.Contains("[eventfd]", StringComparison.Ordinal)),
                File.ReadLines("/proc/self/maps").Count(line => line.Contains("memfd:ram", StringComparison.Ordinal) || line.Contains("memfd:control", StringComparison.Ordinal)),
                Directory.EnumerateDirectories("/proc/self/task").Count(task => IsGuests(File.ReadAllText(task + "/comm").Trim())),
                KernelTime.Children().Count());
        }

        public bool IsNoMoreThan(Holdings other)
            => Memories <= other.Memories && Signals <= other.Signals && Mappings <= other.Mappings && Threads <= other.Threads && Processes <= other.Processes;

        private static bool IsGuests(string thread) => thread.StartsWith("guest ", StringComparison.Ordinal) || thread is "alarm" or "block ring";
    }
}
