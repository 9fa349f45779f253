using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Runtime;
using Runtime.Accounts;
using Runtime.Commands;
using Runtime.Hosting;
using Runtime.Reporting;
using Xunit;

namespace Tests.Hosting;

/// <summary>The socket of a running host, used as it should be and as it should not.</summary>
[Collection(HostingCollection.Name)]
[UnsupportedOSPlatform("windows")]
public sealed class ControlTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("control-");
    private readonly RunningHost _host = new(("hog", "hog", ""), ("storm", "storm", ""));
    private readonly ControlServer _server;
    private volatile bool _isStopped;

    public ControlTests() => _server = new ControlServer(_host.Host, Socket, () => _isStopped = true);

    private string Socket => Path.Combine(_directory.FullName, "host.sock");

    private ControlClient Client => new(Socket);

    public void Dispose()
    {
        _server.Dispose();
        _host.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public void OnlyTheOwnerCanReachIt()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        File.SetUnixFileMode(_directory.FullName, (UnixFileMode)0b111_101_101);
        IOException exception = Assert.Throws<IOException>(() => ControlPlace.Listen(Path.Combine(_directory.FullName, "other.sock")));
        Assert.Contains("0700", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SecondHostIsRefused() => Assert.Contains("already", Assert.Throws<IOException>(() => ControlPlace.Listen(Socket)).Message, StringComparison.Ordinal);

    [Fact]
    public void ReportComesBackAsItWasWritten()
    {
        HostReport report = AccountJson.Read(Client.Ask("report"));
        Assert.Equal(["hog", "storm"], report.Guests.Select(guest => guest.Name));
        Assert.True(report.MeasuredNanoseconds > 0);
    }

    [Fact]
    public void OrdersReachTheirGuest()
    {
        Client.Ask("pause hog");
        Assert.Equal("paused", _host["hog"].State);
        Client.Ask("resume hog");
        Assert.NotEqual("paused", _host["hog"].State);
        Client.Ask("stop hog");
        _host.Wait(report => report.Guests[0].State == "ended");
        Assert.Contains("has ended", Assert.Throws<IOException>(() => Client.Ask("pause hog")).Message, StringComparison.Ordinal);
        Client.Ask("stop");
        Assert.True(_isStopped);
    }

    [Fact]
    public void ConsoleShowsWhatTheGuestSaid()
    {
        using Socket console = Client.Open("console hog");
        byte[] buffer = new byte[64];
        var text = new StringBuilder();
        while (!text.ToString().Contains("unruly: hog\n", StringComparison.Ordinal))
        {
            int count = console.Receive(buffer);
            Assert.True(count > 0, text.ToString());
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }
    }

    [Theory]
    [InlineData("frobnicate\n")]
    [InlineData("\n")]
    [InlineData("pause\n")]
    [InlineData("pause hog storm\n")]
    [InlineData("pause nobody\n")]
    [InlineData("console ../../etc/passwd\n")]
    [InlineData("report\0\n")]
    [InlineData("\u00ff\u00fe\n")]
    public void NonsenseIsRefused(string request)
    {
        using Socket socket = ControlPlace.Connect(Socket);
        socket.Send(Encoding.Latin1.GetBytes(request));
        Assert.StartsWith("error: ", ReadAll(socket), StringComparison.Ordinal);
    }

    /// <summary>Too long, too slow, gone at once, too many: the host answers whoever asks properly afterwards.</summary>
    [Fact]
    public void HostileClientsDoNoHarm()
    {
        var random = new Random(1);
        byte[] noise = new byte[100_000];
        var open = new List<Socket>();
        for (int i = 0; i < 40; i++)
        {
            Socket socket = ControlPlace.Connect(Socket);
            open.Add(socket);
            random.NextBytes(noise);
            try
            {
                switch (i % 4)
                {
                    case 0:
                        socket.Send(noise);
                        break;
                    case 1:
                        socket.Send("rep"u8);
                        break;
                    case 2:
                        socket.Dispose();
                        break;
                    default:
                        socket.Send("console storm\n"u8);
                        break;
                }
            }
            catch (SocketException)
            {
                // Refused: that is its right.
            }
        }

        open.ForEach(socket => socket.Dispose());
        _host.Wait(_ => CanAsk());
        Assert.True(_host["hog"].Cpu.Used > 0);
    }

    /// <summary>Whoever asks and does not read is cut off; the guest whose console it was neither waits nor notices.</summary>
    [Fact]
    public void ReaderWhoDoesNotReadIsCutOff()
    {
        using var host = new RunningHost(("talker", "console", ""));
        string path = Path.Combine(_directory.FullName, "second.sock");
        using var server = new ControlServer(host.Host, path, () => { });
        Socket[] idle = [.. Enumerable.Range(0, 16).Select(_ => new ControlClient(path).Open("console talker"))];
        long before = host["talker"].Cpu.Used;
        // All connections that there may be are taken, until the server gives up on those who do not read.
        host.Wait(_ =>
        {
            try
            {
                return new ControlClient(path).Ask("report").Length > 0;
            }
            catch (Exception exception) when (exception is IOException or SocketException)
            {
                return false;
            }
        });
        Assert.True(host["talker"].Cpu.Used > before);
        Array.ForEach(idle, socket => socket.Dispose());
    }

    /// <summary><c>runtime xenstore ls NAME</c> as a user types it: the nodes of the guest named; one line for a name that nobody has.</summary>
    [Fact]
    public void TheCommandListsTheStoreOfAGuest()
    {
        string path = Path.Combine(_directory.CreateSubdirectory("stores").FullName, "host.sock");
        File.SetUnixFileMode(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var host = new RunningHost(("talker", "xenabi:flood-events", ""));
        using var server = new ControlServer(host.Host, path, () => { });
        ChildResult listed = List("talker");
        Assert.Equal(0, listed.ExitStatus);
        string[] lines = listed.Output.Split('\n');
        Assert.Contains(lines, line => line.StartsWith("/local/domain/1/domid = \"1\"", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("/local/domain/1/memory/target", StringComparison.Ordinal));
        ChildResult nobody = List("nobody");
        Assert.NotEqual(0, nobody.ExitStatus);
        Assert.Contains("nobody", Assert.Single(nobody.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);

        ChildResult List(string name) => ChildProcess.Run(
            "dotnet", [typeof(VirtualMachine).Assembly.Location, "xenstore", "ls", name, "--socket", path], TimeSpan.FromMinutes(1));
    }

    private bool CanAsk()
    {
        try
        {
            return Client.Ask("report").Length > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string ReadAll(Socket socket)
    {
        using var reader = new StreamReader(new NetworkStream(socket));
        return reader.ReadToEnd();
    }
}
