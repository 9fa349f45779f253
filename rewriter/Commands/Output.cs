using System.Text;
using Rewriter.Audit;
using Spectre.Console;

namespace Rewriter.Commands;

/// <summary>Where a report goes: a file, a pipe or a terminal.</summary>
/// <param name="file">Null for standard output.</param>
public sealed class Output(FileInfo? file)
{
    public void WriteText(Action<TextReport> write)
    {
        bool isTerminal = file is null && !Console.IsOutputRedirected;
        var buffer = new MemoryStream();
        using var writer = isTerminal
            ? new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false), 1 << 16)
            : new StreamWriter(buffer, new UTF8Encoding(false), 1 << 16);
        write(new TextReport(writer, isTerminal ? AnsiConsole.Console : null));
        writer.Flush();
        if (!isTerminal)
        {
            WriteBytes(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        }
    }

    public void WriteStream(Action<Stream> write)
    {
        var buffer = new MemoryStream();
        write(buffer);
        WriteBytes(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        if (file is not null)
        {
            AtomicFile.Write(file.FullName, bytes);
            return;
        }

        try
        {
            using Stream stream = Console.OpenStandardOutput();
            stream.Write(bytes);
        }
        catch (IOException error)
        {
            throw new OutputFailure("standard output", error.Message.TrimEnd('.'));
        }
    }
}
