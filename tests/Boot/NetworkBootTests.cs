// Debian's unmodified kernels on the network with their own drivers: an address by DHCP, data in both directions, a forwarded port.
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Runtime.Commands;
using Tests.Engines.Direct;
using Tests.Images;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class NetworkBootTests
{
    private const string Greeting = "hello from inside";

    /// <param name="modules">In the order of their dependencies.</param>
    [Theory]
    [InlineData("vmlinuz-*-686", "modules/*-686", "pc", "mii 8139cp")]
    [InlineData("vmlinuz-*-686-pae", "modules/*-686-pae", "xen", "xen-netfront")]
    public void DebianUsesTheNetwork(string kernelPattern, string modulesPattern, string platform, string modules)
    {
        string kernel = Fixture.Downloaded(kernelPattern);
        string folder = Directory.CreateTempSubdirectory("network").FullName;
        byte[] download = new byte[3_000_001];
        new Random(7).NextBytes(download);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ushort port = Port(listener), forwarded = FreePort();
        var server = new Server(listener, download, forwarded);
        try
        {
            string initrd = Path.Combine(folder, "initrd"), capture = Path.Combine(folder, "net.pcap");
            File.WriteAllBytes(initrd, InitialRamFileSystem(Fixture.Downloaded(modulesPattern), modules.Split(' '), port));
            ChildResult result = ChildProcess.Run(
                "dotnet",
                [
                    typeof(Runtime.VirtualMachine).Assembly.Location, "run", kernel, "--engine", "direct", "--mode", "para", "--platform", platform,
                    "--memory", "256M", "--time-limit", "120s", "--append", "console=ttyS0 panic=1 quiet", "--initrd", initrd,
                    "--net", "user", "--forward", $"tcp:127.0.0.1:{forwarded}-:2222", "--pcap", capture,
                ],
                TimeSpan.FromSeconds(130));
            Assert.SkipWhen(result.Errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Errors);
            Assert.Contains("bound 10.0.2.15 10.0.2.2 10.0.2.3", result.Output, StringComparison.Ordinal);
            Assert.Contains("3 packets received", result.Output, StringComparison.Ordinal);
            Assert.Contains(Convert.ToHexStringLower(MD5.HashData(download)) + "  download", result.Output, StringComparison.Ordinal);
            Assert.Contains("refused as it should be", result.Output, StringComparison.Ordinal);
            Assert.Equal(Convert.ToHexStringLower(MD5.HashData(new byte[5_000_000])), server.UploadHash);
            Assert.Equal(Greeting + "\n", server.Greeting);
            Assert.True(new FileInfo(capture).Length > download.Length);
            Assert.Equal(0, result.ExitStatus);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] InitialRamFileSystem(string modules, string[] names, ushort port)
    {
        var archive = new CpioArchive();
        foreach (string directory in new[] { "bin", "dev", "proc", "sys", "modules" })
        {
            archive.AddDirectory(directory);
        }

        archive.AddFile("bin/busybox", File.ReadAllBytes(Fixture.Downloaded("busybox")));
        archive.AddFile("bin/sh", File.ReadAllBytes(Fixture.Downloaded("busybox")));
        archive.AddFile("bin/bound", Encoding.ASCII.GetBytes(BoundScript));
        archive.AddFile("bin/upload", Encoding.ASCII.GetBytes(UploadScript));
        archive.AddFile("init", Encoding.ASCII.GetBytes(Script(names, port)));
        foreach (string name in names)
        {
            archive.AddFile($"modules/{name}.ko", File.ReadAllBytes(Directory.EnumerateFiles(modules, name + ".ko", SearchOption.AllDirectories).Single()));
        }

        return archive.ToArray();
    }

    private const string BoundScript = """
        #!/bin/sh
        [ "$1" = bound ] || exit 0
        b=/bin/busybox
        echo "bound $ip $router $dns"
        $b ifconfig $interface $ip netmask $subnet; $b route add default gw $router

        """;

    /// <summary>Its output is the connection.</summary>
    private const string UploadScript = """
        #!/bin/sh
        echo -e "POST /upload HTTP/1.0\r\n\r"
        exec /bin/busybox dd if=/dev/zero bs=100000 count=50

        """;

    private static string Script(string[] modules, ushort port) => $"""
        #!/bin/sh
        b=/bin/busybox
        $b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
        for m in {string.Join(' ', modules)}; do $b insmod /modules/$m.ko; done
        $b ifconfig lo up; $b ifconfig eth0 up; $b sleep 1
        $b udhcpc -i eth0 -q -n -s /bin/bound
        $b ping -c 3 10.0.2.2
        $b wget -q -O /download http://10.0.2.2:{port}/download; cd /; $b md5sum download
        $b nc -l -p 2222 -e $b echo "{Greeting}" &
        $b sleep 1
        $b wget -q -O /dev/null http://10.0.2.2:{port}/ready
        $b nc 10.0.2.2 {port} -e /bin/upload
        $b nc 10.0.2.2 1 </dev/null || echo "refused as it should be"
        $b reboot -f

        """;

    private static ushort Port(TcpListener listener) => (ushort)((IPEndPoint)listener.LocalEndpoint).Port;

    private static ushort FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return Port(probe);
    }

    /// <summary>As much of HTTP as busybox's wget speaks.</summary>
    private sealed class Server
    {
        private readonly TcpListener _listener;
        private readonly byte[] _download;
        private readonly ushort _forwarded;

        public Server(TcpListener listener, byte[] download, ushort forwarded)
        {
            (_listener, _download, _forwarded) = (listener, download, forwarded);
            new Thread(Serve) { IsBackground = true }.Start();
        }

        public string? UploadHash { get; private set; }

        public string? Greeting { get; private set; }

        private void Serve()
        {
            try
            {
                while (true)
                {
                    using TcpClient client = _listener.AcceptTcpClient();
                    using NetworkStream stream = client.GetStream();
                    string head = "";
                    while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal) && stream.ReadByte() is int value and >= 0)
                    {
                        head += (char)value;
                    }

                    byte[] body = head.Contains("/download", StringComparison.Ordinal) ? _download : [];
                    if (head.Contains("/upload", StringComparison.Ordinal))
                    {
                        byte[] upload = new byte[5_000_000];
                        stream.ReadExactly(upload);
                        UploadHash = Convert.ToHexStringLower(MD5.HashData(upload));
                    }
                    else if (head.Contains("/ready", StringComparison.Ordinal))
                    {
                        using var forwarded = new TcpClient("127.0.0.1", _forwarded);
                        using var reader = new StreamReader(forwarded.GetStream());
                        Greeting = reader.ReadToEnd();
                    }

                    stream.Write(Encoding.ASCII.GetBytes($"HTTP/1.0 200 OK\r\nContent-Length: {body.Length}\r\n\r\n"));
                    stream.Write(body);
                }
            }
            catch (Exception ended) when (ended is SocketException or IOException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
