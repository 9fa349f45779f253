// What compare puts side by side. Each runs in a process of its own, so that the death of one does not end the table.
using System.ComponentModel;
using System.Text.Json;
using Runtime.Devices;
using Runtime.Devices.Disks;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary>One configuration of a comparison.</summary>
/// <param name="mode">The mode of this program, if it is that which runs.</param>
internal abstract class Contestant(string name, string? mode)
{
    /// <summary>How long a process may take to end by itself after its guest's time is up.</summary>
    protected static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    public string Name { get; } = name;

    public string? Mode { get; } = mode;

    /// <param name="directory">For files of this run alone.</param>
    public ComparisonColumn Run(MachineOptions machine, TimeSpan limit, string directory)
    {
        try
        {
            // Each starts from the same disks.
            string[] disks = [.. machine.Disk.Select((path, index) => Copy(path, Path.Combine(directory, $"disk{index}")))];
            return Execute(machine with { Disk = disks }, limit, directory);
        }
        catch (Win32Exception exception)
        {
            return new ComparisonColumn(Name, null, exception.Message, 0, null, [], [], [], null);
        }
    }

    protected abstract ComparisonColumn Execute(MachineOptions machine, TimeSpan limit, string directory);

    protected static string? LastLine(string text) => text.Split('\n').Select(line => line.Trim()).LastOrDefault(line => line.Length > 0);

    private static string Copy(string text, string copy)
    {
        using DiskImage from = DiskSpecification.Parse(text).Open();
        using FileStream to = File.Create(copy);
        byte[] piece = new byte[1 << 20];
        for (long sector = 0; sector < from.SectorCount; sector += piece.Length / DiskImage.SectorSize)
        {
            int length = (int)Math.Min(piece.Length, (from.SectorCount - sector) * DiskImage.SectorSize);
            from.Read(sector, piece.AsSpan(0, length));
            to.Write(piece, 0, length);
        }

        return copy;
    }
}

/// <summary>This program, in one mode on one engine.</summary>
internal sealed class RuntimeContestant(string mode, string engine) : Contestant($"{mode} ({engine})", mode)
{
    protected override ComparisonColumn Execute(MachineOptions machine, TimeSpan limit, string directory)
    {
        string stats = Path.Combine(directory, "stats.json");
        List<string> arguments =
        [
            .. OwnProgram.Arguments, "run", machine.Image, "--mode", Mode!, "--engine", engine, "--memory", machine.Memory, "--append", machine.Append,
            "--time-limit", $"{(long)limit.TotalMilliseconds}ms", "--serial", "stdio", "--stats", stats,
        ];
        arguments.AddRange(machine.Initrd.SelectMany(file => new[] { "--initrd", file }));
        arguments.AddRange(machine.Disk.SelectMany(file => new[] { "--disk", file }));
        ChildResult result = ChildProcess.Run(OwnProgram.Path, arguments, limit + Grace);
        RunStatistics? statistics = Read(stats);
        string? problem = result.TimedOut ? "did not end" : LastLine(result.Errors)?.Replace("runtime: ", "", StringComparison.Ordinal);
        bool ran = statistics is not null || result.Output.Length > 0;
        return new ComparisonColumn(
            Name,
            ran ? result.ExitStatus : null,
            problem,
            statistics?.WallNanoseconds ?? (long)(result.Wall.TotalMicroseconds * 1000),
            statistics?.GuestCpuNanoseconds,
            statistics?.Exits ?? [],
            GuestFigure.ReadAll(result.Output),
            // A guest that is interpreted has nothing to leave.
            DeviceFigure.ReadAll(result.Output, engine == "direct" ? ExitsOf(statistics) : new Dictionary<string, long>()),
            LastLine(result.Output));
    }

    private static Dictionary<string, long> ExitsOf(RunStatistics? statistics)
        => statistics?.DiskExits.ToDictionary(measurement => measurement.Key, measurement => measurement.Value.Values.Sum()) ?? [];

    /// <summary>Null where the child died before it could write it.</summary>
    private static RunStatistics? Read(string path)
    {
        try
        {
            return File.Exists(path) ? RunStatistics.Parse(File.ReadAllText(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>QEMU without hardware virtualization.</summary>
internal sealed class QemuContestant() : Contestant("QEMU TCG", mode: null)
{
    private const string Program = "qemu-system-i386";

    protected override ComparisonColumn Execute(MachineOptions machine, TimeSpan limit, string directory)
    {
        List<string> arguments =
        [
            "-accel", "tcg", "-kernel", machine.Image, "-m", $"{machine.MemoryBytes >> 20}", "-append", machine.Append,
            "-serial", "stdio", "-display", "none",
            "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
        ];
        if (machine.Initrd.Length > 0)
        {
            arguments.AddRange(["-initrd", string.Join(',', machine.Initrd)]);
        }

        arguments.AddRange(machine.Disk.SelectMany((file, index) => new[] { "-drive", $"file={file},format=raw,if=ide,index={index}" }));
        ChildResult result = ChildProcess.Run(Program, arguments, limit);
        return new ComparisonColumn(
            Name,
            result.TimedOut ? Outcome.TimeLimitStatus : result.ExitStatus,
            result.TimedOut ? "time limit reached" : LastLine(result.Errors),
            (long)(result.Wall.TotalMicroseconds * 1000),
            null,
            [],
            GuestFigure.ReadAll(result.Output),
            DeviceFigure.ReadAll(result.Output, new Dictionary<string, long>()),
            LastLine(result.Output));
    }
}
