using System.Diagnostics;
using System.Text;

namespace Runtime.Commands;

/// <summary>What a child process left behind.</summary>
/// <param name="TimedOut">It was killed because it did not end in time.</param>
internal sealed record ChildResult(int ExitStatus, string Output, string Errors, TimeSpan Wall, bool TimedOut);

/// <summary>Runs a program to its end with nothing to read and its output collected.</summary>
internal static class ChildProcess
{
    /// <summary>Output beyond this is dropped: a guest may print for ever.</summary>
    private const int MaximumOutput = 16 << 20;

    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    public static ChildResult Run(string program, IEnumerable<string> arguments, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
        };
        long started = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = new StringBuilder();
        var errors = new StringBuilder();
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(errors, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        bool ended = process.WaitForExit(limit);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        return new ChildResult(process.ExitCode, output.ToString(), errors.ToString(), Stopwatch.GetElapsedTime(started), !ended);
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null && text.Length < MaximumOutput)
        {
            text.Append(line).Append('\n');
        }
    }
}
