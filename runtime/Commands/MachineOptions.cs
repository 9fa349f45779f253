// The options that run and compare share: what machine, and what is given to its kernel.
using System.CommandLine;
using Rewriter.Images;
using Runtime.Devices;
using Runtime.Devices.Disks;
using Runtime.Loading;

namespace Runtime.Commands;

/// <summary>The machine that a user describes.</summary>
public sealed record MachineOptions(string Image, string Memory, string Append, string[] Initrd, string[] Disk, string? TimeLimit)
{
    public ulong MemoryBytes => Quantity.ParseMemory(Memory);

    public TimeSpan? Limit => TimeLimit is null ? null : Quantity.ParseTime(TimeLimit);

    /// <summary>As QEMU has it: the kernel's path, then what the user appends.</summary>
    public string CommandLine => Append.Length == 0 ? Image + " " : $"{Image} {Append}";

    /// <summary>Reads the module files.</summary>
    /// <exception cref="BadImageException">One cannot be read.</exception>
    public IReadOnlyList<BootModule> ReadModules() => [.. Initrd.Select(ReadModule)];

    /// <exception cref="UsageException">One cannot be opened.</exception>
    public IReadOnlyList<DiskImage> OpenDisks()
    {
        if (Disk.Length > 4)
        {
            throw new UsageException("--disk: there is room for four disks");
        }

        return [.. Disk.Select(OpenDisk)];
    }

    private static DiskImage OpenDisk(string text)
    {
        try
        {
            return DiskSpecification.Parse(text).Open();
        }
        catch (Exception exception) when (FileTrouble.Is(exception))
        {
            throw new UsageException($"--disk {text}: {FileTrouble.Reason(exception, text)}");
        }
    }

    /// <summary>"FILE ARGUMENTS" as in QEMU; all of it is the module's command line.</summary>
    private static BootModule ReadModule(string text)
    {
        string path = File.Exists(text) ? text : text.Split(' ')[0];
        try
        {
            return BootModule.Read(text, path);
        }
        catch (BadImageException exception)
        {
            throw new BadImageException($"module {path}: {exception.Message}");
        }
    }
}

/// <summary>The same as options of a command.</summary>
internal sealed class MachineOptionSet
{
    private readonly Argument<string> _image = new("IMAGE")
    {
        Description = "kernel to run: 32-bit ELF (multiboot, PVH or plain) or Linux bzImage, unmodified or rewritten",
    };

    private readonly Option<string> _memory = new("--memory")
    {
        Description = "RAM, e.g. 64M or 1G",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "128M",
    };

    private readonly Option<string> _append = new("--append")
    {
        Description = "kernel command line",
        HelpName = "STR",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string[]> _initrd = new("--initrd")
    {
        Description = "module handed to the kernel; repeatable",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _disk = new("--disk")
    {
        Description = "raw disk image; changes go to the overlay file, which is made if need be; repeatable, up to four",
        HelpName = "FILE[,readonly|,overlay=FILE]",
    };

    private readonly Option<string?> _timeLimit = new("--time-limit")
    {
        Description = "end after this time with status 124, e.g. 60s",
        HelpName = "TIME",
    };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_image);
        command.Options.Add(_memory);
        command.Options.Add(_append);
        command.Options.Add(_initrd);
        command.Options.Add(_disk);
        command.Options.Add(_timeLimit);
    }

    public MachineOptions Read(ParseResult result) => new(
        result.GetRequiredValue(_image),
        result.GetRequiredValue(_memory),
        result.GetRequiredValue(_append),
        result.GetValue(_initrd) ?? [],
        result.GetValue(_disk) ?? [],
        result.GetValue(_timeLimit));
}
