using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>The accounts as OpenTelemetry metrics, one instrument a figure with the guest as its attribute.</summary>
internal static class AccountMetrics
{
    public const string MeterName = "Rewriter.Guests";

    /// <summary>Creates the instruments; whoever listens to the meter gets the accounts of that moment.</summary>
    public static Meter Create(Func<HostReport> report)
    {
        var meter = new Meter(MeterName);
        foreach (AccountFigure figure in AccountFigure.All)
        {
            string name = "rewriter.guest." + figure.Name;
            IEnumerable<Measurement<double>> Observe()
                => report().Guests.Select(guest => new Measurement<double>(figure.Of(guest), new KeyValuePair<string, object?>("guest", guest.Name)));
            if (figure.IsCounter)
            {
                meter.CreateObservableCounter(name, Observe, figure.Unit, figure.Meaning);
            }
            else
            {
                meter.CreateObservableGauge(name, Observe, figure.Unit, figure.Meaning);
            }
        }

        return meter;
    }

    /// <summary>Sends them to a collector by OTLP until disposed: over HTTP to a URL with a path, as <c>/v1/metrics</c>, else over gRPC.</summary>
    public static IDisposable Export(Func<HostReport> report, Uri collector)
    {
        Meter meter = Create(report);
        MeterProvider provider = Sdk.CreateMeterProviderBuilder().ConfigureResource(resource => resource.AddService("runtime-host")).AddMeter(MeterName).AddOtlpExporter(options =>
        {
            options.Endpoint = collector;
            options.Protocol = collector.AbsolutePath == "/" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }).Build();
        return new Exporter(meter, provider);
    }

    private sealed class Exporter(Meter meter, MeterProvider provider) : IDisposable
    {
        public void Dispose()
        {
            provider.ForceFlush(2000);
            provider.Dispose();
            meter.Dispose();
        }
    }
}
