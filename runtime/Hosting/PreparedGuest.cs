using Rewriter.Images;
using Runtime.Abi;
using Runtime.Accounts;
using Runtime.Devices;
using Runtime.Devices.Disks;
using Runtime.Loading;

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
                images.Add(guest.Kernel, image = GuestImage.Open(guest.Kernel));
            }

            string commandLine = BootPlan.For(image.Kernel).TellsKernelItsName ? $"{guest.Kernel} {guest.Append}" : guest.Append;
            var modules = guest.Initrd.Select(file => new BootModule(file, File.ReadAllBytes(file))).ToArray();
            foreach (DiskSpecification disk in guest.Disks)
            {
                disks.Add(disk.Open());
            }

            Stream? log = guest.Log is null ? null : new FileStream(guest.Log, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
            var prepared = new PreparedGuest(guest, image, new BootParameters(commandLine, modules), disks, log);
            disks.ForEach(disk => disk.Account = prepared.DiskAccount);
            return prepared;
        }
        catch (Exception exception) when (exception is BadImageException or IOException or UnauthorizedAccessException)
        {
            disks.ForEach(disk => disk.Dispose());
            string what = exception is BadImageException ? $"{guest.Kernel}: {exception.Message}" : exception.Message.TrimEnd('.');
            throw new DescriptionException(guest.Place, $"guest {guest.Name}: {what}");
        }
    }
}
