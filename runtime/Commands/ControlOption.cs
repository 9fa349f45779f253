using System.CommandLine;
using Runtime.Hosting;

namespace Runtime.Commands;

/// <summary>Which running host a command speaks to.</summary>
internal static class ControlOption
{
    public static Option<string> Create() => new("--socket")
    {
        Description = "the host's control socket",
        HelpName = "PATH",
        DefaultValueFactory = _ => OperatingSystem.IsWindows() ? "" : ControlPlace.DefaultPath,
    };

    /// <summary>Asks the host.</summary>
    /// <exception cref="UsageException">No host is there, or it refuses.</exception>
    public static string Ask(string socket, string request) => Try(socket, client => client.Ask(request));

    /// <inheritdoc cref="Ask"/>
    public static T Try<T>(string socket, Func<ControlClient, T> action)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new UsageException("hosts run on Linux only");
        }

        try
        {
            return action(new ControlClient(socket));
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException)
        {
            throw new UsageException(exception.Message);
        }
    }
}
