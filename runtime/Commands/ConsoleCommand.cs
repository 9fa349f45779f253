using System.CommandLine;
using System.Net.Sockets;

namespace Runtime.Commands;

/// <summary><c>runtime console NAME</c>: the terminal becomes a guest's serial port, until the user detaches or the guest ends.</summary>
internal sealed class ConsoleCommand
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Argument<string> _guest = new("NAME") { Description = "which guest" };

    public Command Build()
    {
        var command = new Command("console", "Attach to a guest's serial port; Ctrl-A x detaches.");
        command.Arguments.Add(_guest);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime console shell", "echo 'primes 1000' | runtime console shell"]);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        using Socket socket = ControlOption.Try(result.GetRequiredValue(_socket), client => client.Open("console " + result.GetRequiredValue(_guest)));
        using var terminal = Console.IsInputRedirected ? null : new RawTerminal();
        EscapeKeys? keys = terminal is null ? null : new EscapeKeys(() => Detach(socket), SayKeys);
        if (keys is not null)
        {
            SayKeys();
        }

        new Thread(() => Type(socket, keys)) { Name = "typing", IsBackground = true }.Start();
        using Stream output = StandardStream.Output();
        byte[] buffer = new byte[4096];
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0;)
            {
                output.Write(buffer, 0, count);
                output.Flush();
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException)
        {
            // The host is gone, or nobody reads what the guest says.
        }

        return 0;
    }

    /// <summary>The end of what is piped in is not the end of the conversation: the guest may still answer.</summary>
    private static void Type(Socket socket, EscapeKeys? keys)
    {
        using Stream input = StandardStream.Input();
        byte[] buffer = new byte[1024];
        try
        {
            for (int count; (count = input.Read(buffer)) > 0;)
            {
                count = keys?.Filter(buffer.AsSpan(0, count)) ?? count;
                for (int sent = 0; sent < count;)
                {
                    sent += socket.Send(buffer, sent, count - sent, SocketFlags.None);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // Detached.
        }
    }

    /// <summary>What is being received comes to its end, and with it the command.</summary>
    private static void Detach(Socket socket)
    {
        Console.Error.WriteLine();
        socket.Shutdown(SocketShutdown.Both);
    }

    private static void SayKeys() => Console.Error.WriteLine("runtime: " + EscapeKeys.Help("detaches"));
}
