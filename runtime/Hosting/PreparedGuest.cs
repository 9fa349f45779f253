using Rewriter.Images;
using Runtime.Abi;
using Runtime.Accounts;
using Runtime.Devices;
using Runtime.Devices.Disks;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Memory;

namespace Runtime.Hosting;

/// <summary>A guest whose files are open and have been found good: nothing but the host itself can keep it from starting.</summary>
internal sealed record PreparedGuest(GuestDescription Description, GuestImage Image, BootParameters Parameters, IReadOnlyList<DiskImage> Disks, Stream? Log) : IDisposable
{
    /// <summary>An image that was rewritten runs in the mode that it was rewritten for.</summary>
    public ExecutionMode Mode => Image.Plan?.Mode ?? Description.Mode;

    public DiskAccount DiskAccount { get; } = new();

    /// <summary>Opens everything.</summary>
    /// <exception cref="DescriptionException">Something cannot be opened, or is no kernel.</exception>
    public static IReadOnlyList<PreparedGuest> Prepare(HostDescription host)
    {
        var prepared = new List<PreparedGuest>();
        try
        {
            var images = new Dictionary<string, GuestImage>();
            foreach (GuestDescription guest in host.Guests)
            {
                prepared.Add(Prepare(guest, images));
            }

            return prepared;
        }
        catch
        {
            prepared.ForEach(guest => guest.Dispose());
            throw;
        }
    }

    public void Dispose()
    {
        foreach (DiskImage disk in Disks)
        {
            disk.Dispose();
        }

        Log?.Dispose();
    }

    /// <param name="images">Those that have been read; guests share them, for they are never changed.</param>
    private static PreparedGuest Prepare(GuestDescription guest, Dictionary<string, GuestImage> images)
    {
        var disks = new List<DiskImage>();
        try
        {
            if (!images.TryGetValue(guest.Kernel, out GuestImage? image))
            {
                images.Add(guest.Kernel, image = Open(guest, "kernel", guest.Kernel, () => GuestImage.Open(guest.Kernel)));
            }

            string commandLine = BootPlan.For(image.Kernel).TellsKernelItsName ? $"{guest.Kernel} {guest.Append}" : guest.Append;
            var parameters = new BootParameters(commandLine, [.. guest.Initrd.Select(file => Open(guest, "initrd", file, () => BootModule.Read(file, file)))]);
            Rehearse(guest, image, parameters);
            foreach (DiskSpecification disk in guest.Disks)
            {
                disks.Add(Open(guest, "disk", disk.Path, disk.Open));
            }

            Stream? log = guest.Log is null ? null
                : Open(guest, "log", guest.Log, () => new FileStream(guest.Log, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0));
            var prepared = new PreparedGuest(guest, image, parameters, disks, log);
            disks.ForEach(disk => disk.Account = prepared.DiskAccount);
            return prepared;
        }
        catch
        {
            disks.ForEach(disk => disk.Dispose());
            throw;
        }
    }

    /// <summary>Puts the kernel into RAM of its machine's size, for once without an engine: one that does not fit keeps all guests from starting.</summary>
    private static void Rehearse(GuestDescription guest, GuestImage image, BootParameters parameters)
    {
        using var memory = new GuestMemory(guest.MaximumBytes);
        Open(guest, "kernel", guest.Kernel, () =>
        {
            BootLoader.Load(image.Kernel, parameters, memory, new VcpuState());
            return image;
        });
    }

    /// <exception cref="DescriptionException">It cannot be opened, or is not what it should be.</exception>
    private static T Open<T>(GuestDescription guest, string what, string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception exception) when (exception is BadImageException || FileTrouble.Is(exception))
        {
            string reason = exception is BadImageException ? exception.Message : FileTrouble.Reason(exception, path);
            throw new DescriptionException(guest.Place, $"guest {guest.Name}: {what} {path}: {reason}");
        }
    }
}
