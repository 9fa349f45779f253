using System.Net;
using System.Net.Sockets;
using System.Text;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Reporting;
using Xunit;

namespace Tests.Accounts;

/// <summary>The accounts on the wire: what a collector is sent, what a Prometheus server is answered, and what others get who speak to it.</summary>
public sealed class CollectorTests
{
    private static readonly HostReport Report = new(
        DateTime.UnixEpoch.AddSeconds(10), 10_000_000_000, 1, "proportional", 3_000_000, 5, 1000, 0, 0,
        [
            new GuestReport(
                "web", "running", null, null, 100, 1, 64 << 20, 9, new CpuTimes(2_000_000_000, 1_000_000_000, 500_000_000, 250_000_000, 0, 0),
                new MemoryUse(4096, 10, 262_144), new DiskUse(4, 2, 1, 8192, 4096, 0, 0), default, [new ExitUse("Trap", 300, 1)]),
        ]);

    /// <summary>OTLP over HTTP (opentelemetry-proto, metrics.proto), read as what it is: nested messages of protocol buffers.</summary>
    [Fact]
    public async Task CollectorIsSentEveryFigure()
    {
        using HttpListener collector = Listen(out int port);
        Task<(string Path, string? Type, byte[] Body)> request = Receive(collector);
        AccountMetrics.Export(() => Report, new Uri($"http://127.0.0.1:{port}/v1/metrics")).Dispose();
        (string path, string? type, byte[] body) = await request.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(("/v1/metrics", "application/x-protobuf"), (path, type));

        var seen = new Dictionary<string, (double Value, string Guest)>();
        foreach (byte[] metric in Messages(body, 1, 2, 2))
        {
            // Metric: name = 1, gauge = 5, sum = 7; both have data_points = 1.
            byte[] data = Messages(metric, 5).Concat(Messages(metric, 7)).Single();
            byte[] point = Assert.Single(Messages(data, 1));
            byte[] attribute = Assert.Single(Messages(point, 7));
            Assert.Equal("guest", Encoding.UTF8.GetString(Messages(attribute, 1).Single()));
            string guest = Encoding.UTF8.GetString(Messages(attribute, 2, 1).Single());
            seen.Add(Encoding.UTF8.GetString(Messages(metric, 1).Single()), (BitConverter.ToDouble(Messages(point, 4).Single()), guest));
        }

        Assert.Equal(AccountFigure.All.Select(figure => "rewriter.guest." + figure.Name).Order(), seen.Keys.Order());
        Assert.Equal((2.0, "web"), seen["rewriter.guest.cpu_guest_seconds"]);
        Assert.Equal((0.25, "web"), seen["rewriter.guest.cpu_stolen_seconds"]);
        Assert.Equal(8192, seen["rewriter.guest.disk_read_bytes"].Value);
        Assert.All(AccountFigure.All, figure => Assert.Equal(figure.Of(Report.Guests[0]), seen["rewriter.guest." + figure.Name].Value));
    }

    [Fact]
    public async Task PrometheusIsAnswered()
    {
        using var server = new MetricsServer(0, () => PrometheusText.Write(Report));
        using var client = new HttpClient();
        using HttpResponseMessage answer = await client.GetAsync(new Uri($"http://127.0.0.1:{server.Port}/metrics"), TestContext.Current.CancellationToken);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("rewriter_guest_cpu_guest_seconds_total{guest=\"web\"} 2\n", text, StringComparison.Ordinal);
        using HttpResponseMessage elsewhere = await client.GetAsync(new Uri($"http://127.0.0.1:{server.Port}/"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
        using HttpResponseMessage posted = await client.PostAsync(new Uri($"http://127.0.0.1:{server.Port}/metrics"), null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
    }

    /// <summary>Garbage, half a request, silence: the next one is answered all the same, soon.</summary>
    [Fact]
    public async Task HostileClientsAreCutOff()
    {
        using var server = new MetricsServer(0, () => PrometheusText.Write(Report));
        byte[] noise = new byte[100_000];
        new Random(3).NextBytes(noise);
        var open = new List<TcpClient>();
        foreach (byte[] said in new[] { noise, "GET /metr"u8.ToArray(), [], "GET\r\n\r\n"u8.ToArray() })
        {
            var client = new TcpClient("127.0.0.1", server.Port);
            open.Add(client);
            try
            {
                await client.GetStream().WriteAsync(said, TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                // Cut off already.
            }
        }

        using var asking = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        string text = await asking.GetStringAsync(new Uri($"http://127.0.0.1:{server.Port}/metrics"), TestContext.Current.CancellationToken);
        Assert.Contains("guest=\"web\"", text, StringComparison.Ordinal);
        open.ForEach(client => client.Dispose());
    }

    private static HttpListener Listen(out int port)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        return listener;
    }

    private static async Task<(string Path, string? Type, byte[] Body)> Receive(HttpListener listener)
    {
        HttpListenerContext context = await listener.GetContextAsync();
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        context.Response.StatusCode = 200;
        context.Response.Close();
        return (context.Request.Url!.AbsolutePath, context.Request.ContentType, body.ToArray());
    }

    /// <summary>What fields hold that are reached by these numbers, one level after the other: bytes, or eight of them for a fixed64.</summary>
    private static IEnumerable<byte[]> Messages(byte[] message, params int[] path)
        => path.Aggregate((IEnumerable<byte[]>)[message], (messages, number) => messages.SelectMany(one => Fields(one, number)));

    private static IEnumerable<byte[]> Fields(byte[] message, int wanted)
    {
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(message, ref at);
            int length = (key & 7) switch
            {
                0 => -1,
                1 => 8,
                2 => (int)Varint(message, ref at),
                5 => 4,
                _ => throw new InvalidDataException($"wire type {key & 7}"),
            };
            if (length < 0)
            {
                Varint(message, ref at);
                continue;
            }

            if ((int)(key >> 3) == wanted)
            {
                yield return message[at..(at + length)];
            }

            at += length;
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
