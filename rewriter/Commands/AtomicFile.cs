// Nothing is written half: a file appears under its name when it is complete, or not at all, even when a signal ends the program.
namespace Rewriter.Commands;

/// <summary>Writes whole files by way of a temporary one in the same directory.</summary>
public static class AtomicFile
{
    static readonly Lock _lock = new();
    static string? _temporary;

    /// <summary>Writes a file; where <paramref name="path"/> is a link, the file that it leads to.</summary>
    /// <exception cref="OutputFailure">It cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        if (IsDevice(path))
        {
            WriteThrough(path, bytes);
            return;
        }

        path = TargetOf(path);
        string temporary = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!,
            $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
        lock (_lock)
        {
            _temporary = temporary;
        }

        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                stream.Write(bytes);
            }

            lock (_lock)
            {
                if (File.Exists(path) && !OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(temporary, File.GetUnixFileMode(path));
                }

                File.Move(temporary, path, overwrite: true);
                _temporary = null;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, error);
        }
        finally
        {
            Abandon();
        }
    }

    // A device must not be replaced by a file. /dev also has the shell's pipes: -o >(command) is /dev/fd/63.
    static bool IsDevice(string path) => !OperatingSystem.IsWindows() && Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal);

    static void WriteThrough(string path, ReadOnlySpan<byte> bytes)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            stream.Write(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, error);
        }
    }

    static string TargetOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Nothing there yet, or links without end: creating the file says so.
            return path;
        }
    }

    static OutputFailure Failure(string path, Exception error) => new(path, error switch
    {
        DirectoryNotFoundException => "no such directory",
        UnauthorizedAccessException when !Directory.Exists(path) => "permission denied",
        _ when Directory.Exists(path) => "is a directory",
        _ => error.Message.TrimEnd('.'),
    });

    /// <summary>Removes what is not finished. For signal handlers too.</summary>
    public static void Abandon()
    {
        lock (_lock)
        {
            if (File.Exists(_temporary))
            {
                File.Delete(_temporary);
            }

            _temporary = null;
        }
    }
}
