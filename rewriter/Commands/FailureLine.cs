using Rewriter.Images;
using Rewriter.Policies;
using Rewriter.Shims;

namespace Rewriter.Commands;

/// <summary>Turns what can be wrong with input and output into one line and an exit status. Our own bugs are not caught.</summary>
static class FailureLine
{
    /// <param name="file">The image that the command is about.</param>
    public static int Guard(FileInfo file, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (BadImageException error)
        {
            Write($"{file}: {error.Message}");
            return ExitStatus.BadImage;
        }
        catch (PolicyException error)
        {
            Write(error.Message);
            return error.IsFinding ? ExitStatus.Findings : ExitStatus.BadInput;
        }
        catch (ShimPackException error)
        {
            Array.ForEach(error.Message.Split('\n'), Write);
            return ExitStatus.BadInput;
        }
        catch (OutputFailure error)
        {
            Write(error.Message);
            return ExitStatus.BadImage;
        }
    }

    /// <summary>The image, where the lines are for MSBuild; null for people.</summary>
    public static string? BuildItem { get; set; }

    public static void Write(string what) =>
        Console.Error.WriteLine(OneLine(BuildItem is null ? $"rewriter: {what}" : BuildError.Of(what, BuildItem)));

    // Messages may quote names from the file.
    static string OneLine(string what) => string.Concat(what.Select(c => char.IsControl(c) ? '?' : c));
}
