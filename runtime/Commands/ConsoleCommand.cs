using System.CommandLine;
using System.Net.Sockets;

namespace Runtime.Commands;

/// <summary><c>runtime console NAME</c>: the terminal becomes a guest's serial port, until Ctrl-C or the guest's end.</summary>
internal sealed class ConsoleCommand
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Argument<string> _guest = new("NAME") { Description = "which guest" };

    public Command Build()
    {
        var command = new Command("console", "Attach to a guest's serial port; Ctrl-C detaches.");
        command.Arguments.Add(_guest);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime console shell", "echo 'primes 1000' | runtime console shell"]);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        using Socket socket = ControlOption.Try(result.GetRequiredValue(_socket), client => client.Open("console " + result.GetRequiredValue(_guest)));
        using var terminal = Console.IsInputRedirected ? null : new RawTerminal(keepsSignals: true);
        new Thread(() => Type(socket)) { Name = "typing", IsBackground = true }.Start();
        using Stream output = Console.OpenStandardOutput();
        byte[] buffer = new byte[4096];
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0;)
            {
                output.Write(buffer, 0, count);
                output.Flush();
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            // The host is gone, or nobody reads what the guest says.
        }

        return 0;
    }

    /// <summary>The end of what is piped in is not the end of the conversation: the guest may still answer.</summary>
    private static void Type(Socket socket)
    {
        using Stream input = Console.OpenStandardInput();
        byte[] buffer = new byte[1024];
        try
        {
            for (int count; (count = input.Read(buffer)) > 0;)
            {
                socket.Send(buffer, 0, count, SocketFlags.None);
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException or ObjectDisposedException)
        {
            // Detached.
        }
    }
}
