// runtime compare on Debian's unmodified kernel with an initramfs that runs the benchmark and powers off.
using System.Text.Json;
using Runtime.Commands;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class LinuxCompareTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-compare-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Trap mode cannot boot Linux to its end: its column says what became of it, and the others have the guest's figures.</summary>
    [Fact]
    public void ColumnsHaveTheGuestsFiguresOrWhyThereAreNone()
    {
        string kernel = LinuxGuest.Kernel("686"), file = Path.Combine(_folder.FullName, "report.json");
        string initrd = LinuxGuest.Initramfs(_folder.FullName, "bench getppid lcg", "bench");
        ChildResult result = ChildProcess.Run(
            "dotnet",
            [
                typeof(Runtime.VirtualMachine).Assembly.Location, "compare", kernel, "--initrd", initrd, "--append", "console=ttyS0 quiet",
                "--memory", "256M", "--time-limit", "12s", "--format", "json", "-o", file,
            ],
            TimeSpan.FromSeconds(110));
        Assert.True(result.ExitStatus == 0, result.Errors);
        JsonElement[] columns = [.. JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("columns").EnumerateArray()];
        bool cannotRun = columns.Any(column
            => Problem(column).Contains("the direct engine cannot run here", StringComparison.Ordinal));
        Assert.SkipWhen(cannotRun, "the direct engine cannot run here");
        string[] names = [.. columns.Select(column => column.GetProperty("name").GetString()!)];
        Assert.Equal(["trap (direct)", "full (direct)", "para (direct)", "para (interpreter)"], names);
        foreach (JsonElement column in columns[1..3])
        {
            Assert.Equal(0, column.GetProperty("exitStatus").GetInt32());
            string[] figures = [.. column.GetProperty("figures").EnumerateArray().Select(figure => figure.GetProperty("name").GetString()!).Order()];
            Assert.Equal(["getppid", "lcg"], figures);
        }

        Assert.NotEqual(0, columns[0].GetProperty("exitStatus").GetInt32());
        Assert.NotEqual("", Problem(columns[0]));
        Assert.Empty(columns[0].GetProperty("figures").EnumerateArray());
    }

    private static string Problem(JsonElement column) => column.GetProperty("problem").GetString() ?? "";
}
