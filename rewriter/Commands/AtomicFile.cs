// Nothing is written half: a file appears under its name when it is complete, or not at all, even when a signal ends the program.
namespace Rewriter.Commands;

/// <summary>Writes whole files by way of a temporary one in the same directory.</summary>
public static class AtomicFile
{
    static readonly Lock _lock = new();
    static string? _temporary;

    /// <exception cref="OutputFailure">It cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
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
                stream.Flush(flushToDisk: true);
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
            string why = error switch
            {
                DirectoryNotFoundException => "no such directory",
                UnauthorizedAccessException when !Directory.Exists(path) => "permission denied",
                _ when Directory.Exists(path) => "is a directory",
                _ => error.Message.TrimEnd('.'),
            };
            throw new OutputFailure(path, why);
        }
        finally
        {
            Abandon();
        }
    }

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
