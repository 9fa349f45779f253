// guests.yaml: what a host is to run. All of it is checked before any guest is started.
using System.Text.RegularExpressions;
using Runtime.Abi;
using Runtime.Devices.Disks;
using Runtime.Time;

namespace Runtime.Hosting;

/// <summary>Reads and checks it.</summary>
public static partial class GuestsFile
{
    private const int DefaultWeight = 100, MostWeight = 10_000;
    private const long DefaultQuantum = 3_000_000;
    private const ulong DefaultMemory = 64 << 20;
    private const string SwitchOnly = "switch";

    /// <summary>Process, page tables, patched code and accounts of one guest, roughly: what it takes beside its RAM.</summary>
    public const ulong Overhead = 8 << 20;

    /// <param name="processors">Overrides what the file says of <c>cpus</c>.</param>
    /// <exception cref="DescriptionException">Something in it is wrong.</exception>
    public static HostDescription Read(string path, int? processors = null) => Read(path, YamlFile.Open(path), processors);

    /// <inheritdoc cref="Read(string, int?)"/>
    public static HostDescription Parse(string path, string text) => Read(path, YamlFile.Parse(path, text), null);

    private static HostDescription Read(string path, YamlSection root, int? processors)
    {
        YamlSection? host = root.Section("host");
        IReadOnlyList<YamlSection> sections = root.Sections("guests");
        root.Close();
        if (sections.Count == 0)
        {
            throw new DescriptionException(root.PlaceOfKey("guests"), "guests: there are none");
        }

        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        HostDescription description = ReadHost(host, root.Place, folder, processors);
        var guests = new List<GuestDescription>();
        ulong taken = 0;
        foreach (YamlSection section in sections)
        {
            GuestDescription guest = ReadGuest(section, folder);
            if (guests.Find(other => other.Name == guest.Name) is GuestDescription same)
            {
                throw new DescriptionException(section.PlaceOfKey("name"), $"name {guest.Name}: the guest of line {same.Place.Line} has it");
            }

            // What several may write at once is a device.
            if (guest.Log is not null && !guest.Log.StartsWith("/dev/", StringComparison.Ordinal) && guests.Find(other => other.Log == guest.Log) is GuestDescription writer)
            {
                throw new DescriptionException(section.PlaceOfKey("log"), $"log {guest.Log}: the guest of line {writer.Place.Line} writes it");
            }

            CheckMemory(section, guest, taken, description.MemoryBytes);
            taken += guest.MemoryBytes + Overhead;
            guests.Add(guest);
        }

        return description with { Guests = guests };
    }

    private static HostDescription ReadHost(YamlSection? section, FilePlace start, string folder, int? processors)
    {
        int available = HostThread.Processors.Count;
        ulong memory = (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (section is null)
        {
            return new HostDescription(processors ?? available, false, DefaultQuantum, memory, true, new NetworkDescription(start, SwitchOnly, [], null), []);
        }

        int cpus = section.Integer("cpus", 1, available) ?? available;
        bool equal = section.Choice("scheduler", ("proportional", false), ("fair", true)) ?? false;
        bool accounts = section.Choice("accounts", ("on", true), ("off", false)) ?? true;
        long quantum = Quantum(section);
        if (section.Text("memory") is string text)
        {
            ulong limit = Size(section, "memory", text);
            memory = limit <= memory ? limit : throw new DescriptionException(section.PlaceOfKey("memory"), $"memory {text}: this machine has {Gibibytes(memory)}");
        }

        NetworkDescription network = ReadNetwork(section, folder);
        section.Close();
        return new HostDescription(processors ?? cpus, equal, quantum, memory, accounts, network, []);
    }

    private static NetworkDescription ReadNetwork(YamlSection section, string folder)
    {
        string? capture = section.Text("pcap") is { Length: > 0 } file ? Path.Combine(folder, file) : null;
        return new NetworkDescription(section.PlaceOfKey("net"), section.Text("net") ?? SwitchOnly, section.Texts("forward"), capture);
    }

    private static long Quantum(YamlSection section)
        => section.Text("quantum") is not string text ? DefaultQuantum
            : text.EndsWith("ms", StringComparison.Ordinal) && double.TryParse(text[..^2], out double milliseconds) && milliseconds is >= 0.5 and <= 1000
                ? (long)(milliseconds * 1e6)
                : throw new DescriptionException(section.PlaceOfKey("quantum"), $"quantum {text}: not a time from 0.5ms to 1000ms");

    private static GuestDescription ReadGuest(YamlSection section, string folder)
    {
        string name = section.RequiredText("name");
        if (!NamePattern().IsMatch(name))
        {
            throw new DescriptionException(section.PlaceOfKey("name"), $"name {name}: letters, digits, '.', '_' and '-' only, at most 32");
        }

        string kernel = Locate(section, "kernel", section.RequiredText("kernel"), folder);
        string append = section.Text("append") ?? "";
        IReadOnlyList<string> initrd = [.. section.Texts("initrd").Select(file => Locate(section, "initrd", file, folder))];
        IReadOnlyList<DiskSpecification> disks = [.. section.Texts("disks").Select(text => ReadDisk(section, text, folder))];
        if (disks.Count > 4)
        {
            throw new DescriptionException(section.PlaceOfKey("disks"), "disks: there is room for four");
        }

        ulong memory = section.Text("memory") is string size ? Size(section, "memory", size) : DefaultMemory;
        ulong maximum = section.Text("maximum") is string most ? Size(section, "maximum", most) : memory;
        int weight = section.Integer("weight", 1, MostWeight) ?? DefaultWeight;
        double cap = section.Text("cap") is string text ? Cap(section, text) : 1;
        ExecutionMode mode = section.Choice("mode", ("para", ExecutionMode.Para), ("full", ExecutionMode.Full), ("trap", ExecutionMode.Trap)) ?? ExecutionMode.Para;
        EngineKind engine = section.Choice("engine", ("auto", EngineKind.Auto), ("direct", EngineKind.Direct), ("interpreter", EngineKind.Interpreter)) ?? EngineKind.Auto;
        bool isOnNetwork = section.Choice("net", ("none", false), (SwitchOnly, true)) ?? false;
        string? log = section.Text("log") is { Length: > 0 } file ? Path.Combine(folder, file) : null;
        section.Close();
        CheckMaximum(section, memory, maximum, mode, engine);
        return new GuestDescription(section.Place, name, kernel, append, initrd, disks, memory, maximum, weight, cap, mode, engine, isOnNetwork, log);
    }

    private static string Locate(YamlSection section, string key, string file, string folder)
    {
        string path = Path.Combine(folder, file);
        RequireFile(section, key, file, path);
        return path;
    }

    private static void RequireFile(YamlSection section, string key, string text, string path)
    {
        if (!File.Exists(path))
        {
            throw new DescriptionException(section.PlaceOfKey(key), $"{key} {text}: {(Directory.Exists(path) ? "a directory" : "no such file")}");
        }
    }

    private static DiskSpecification ReadDisk(YamlSection section, string text, string folder)
    {
        DiskSpecification disk = DiskSpecification.Parse(Path.Combine(folder, text));
        RequireFile(section, "disks", text, disk.Path);
        return disk with { Overlay = disk.Overlay is null ? null : Path.Combine(folder, disk.Overlay) };
    }

    private static ulong Size(YamlSection section, string key, string text)
    {
        (int shift, string digits) = text switch
        {
            [.. string number, 'K' or 'k'] => (10, number),
            [.. string number, 'M' or 'm'] => (20, number),
            [.. string number, 'G' or 'g'] => (30, number),
            string number => (20, number),
        };
        return ulong.TryParse(digits, out ulong count) && count > 0 && count <= ulong.MaxValue >> (shift + 1)
            ? (count << shift) + 4095 & ~4095ul
            : throw new DescriptionException(section.PlaceOfKey(key), $"{key} {text}: not a size such as 64M or 1G");
    }

    private static double Cap(YamlSection section, string text)
        => text.EndsWith('%') && int.TryParse(text[..^1], out int percent) && percent is >= 1 and <= 100
            ? percent / 100.0
            : throw new DescriptionException(section.PlaceOfKey("cap"), $"cap {text}: not a part of a processor from 1% to 100%");

    /// <summary>A machine with more RAM than it may hold needs a balloon, which guests of Xen have, and RAM that is not there until it is touched.</summary>
    private static void CheckMaximum(YamlSection section, ulong memory, ulong maximum, ExecutionMode mode, EngineKind engine)
    {
        FilePlace place = section.PlaceOfKey("maximum");
        if (maximum < memory)
        {
            throw new DescriptionException(place, $"maximum {maximum >> 20}M: less than memory {memory >> 20}M");
        }

        if (maximum > memory && (mode != ExecutionMode.Para || engine == EngineKind.Interpreter))
        {
            throw new DescriptionException(place, "maximum: needs a balloon, so mode para and not the interpreter");
        }
    }

    private static void CheckMachine(YamlSection section, string key, ulong bytes)
    {
        if (bytes is < MachineLayout.MinimumMemory or > MachineLayout.MaximumMemory)
        {
            (ulong least, ulong most) = (MachineLayout.MinimumMemory >> 20, MachineLayout.MaximumMemory >> 20);
            throw new DescriptionException(section.PlaceOfKey(key), $"{key} {bytes >> 20}M: a machine has {least}M to {most}M");
        }
    }

    private static void CheckMemory(YamlSection section, GuestDescription guest, ulong taken, ulong limit)
    {
        FilePlace place = section.PlaceOfKey("memory");
        CheckMachine(section, "memory", guest.MemoryBytes);
        CheckMachine(section, "maximum", guest.MaximumBytes);

        if (guest.MemoryBytes + Overhead > limit - Math.Min(taken, limit))
        {
            throw new DescriptionException(place, $"guest {guest.Name} wants {guest.MemoryBytes >> 20}M and {Overhead >> 20}M for running it; of the host's "
                + $"{limit >> 20}M the guests above leave {limit - Math.Min(taken, limit) >> 20}M");
        }
    }

    private static string Gibibytes(ulong bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 30):f1}G");

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
    private static partial Regex NamePattern();
}
