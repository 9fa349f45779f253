using System.Diagnostics;
using System.Text.Json;
using Tests.Loading;
using Xunit;

namespace Tests.Commands;

/// <summary>The program as a user sees it: exit status, standard output, one line of standard error.</summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly byte[] HelloAndExit =
        [0xBA, 0xF8, 0x03, 0, 0, 0xB0, (byte)'h', 0xEE, 0xB0, (byte)'i', 0xEE, 0xB0, (byte)'\n', 0xEE, 0xB0, 0x10, 0xE6, 0xF4, 0xEB, 0xFE];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("command-line-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("", "Required command")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("run", "Required argument")]
    [InlineData("run KERNEL --mode fast", "'trap' 'full' 'para'")]
    [InlineData("run KERNEL --memory 12Q", "--memory 12Q")]
    [InlineData("run KERNEL --memory 1K", "at least 2M")]
    [InlineData("run KERNEL --time-limit soon", "--time-limit soon")]
    [InlineData("run KERNEL --disk /nowhere", "--disk /nowhere: no such file")]
    [InlineData("run KERNEL --serial /nowhere/file", "--serial /nowhere/file: no such file")]
    [InlineData("run KERNEL --engine interpreter --stats /nowhere/file", "--stats /nowhere/file: no such file")]
    [InlineData("run KERNEL --trace everything", "everything")]
    [InlineData("compare KERNEL --format pdf", "pdf")]
    public void BadUsageIsOneLineAndStatus2(string arguments, string words) => AssertRefused(arguments, 2, words);

    [Theory]
    [InlineData("run /nowhere", "/nowhere: no such file")]
    [InlineData("run TEXT", "not a kernel image")]
    [InlineData("run KERNEL --initrd /nowhere", "module /nowhere: no such file")]
    [InlineData("compare TEXT", "not a kernel image")]
    public void BadImageIsOneLineAndStatus3(string arguments, string words) => AssertRefused(arguments, 3, words);

    [Theory]
    [InlineData("B0 10 E6 F4 EB FE", 0x21, null)]
    [InlineData("FA F4", 0, null)]
    [InlineData("66 BA 04 06 66 B8 00 20 66 EF EB FE", 0, null)]
    [InlineData("B0 FE E6 64 EB FE", 0, "guest reset the machine (8042)")]
    [InlineData("CC", 4, "guest died: triple fault at eip 0x00100020")]
    [InlineData("EB FE", 124, "time limit reached")]
    [InlineData("B0 FF E6 21 FB F4 EB FD", 124, "time limit reached")]
    public void ExitStatusTellsHowTheGuestEnded(string code, int status, string? line)
    {
        string kernel = WriteKernel([.. code.Split(' ').Select(digits => Convert.ToByte(digits, 16))]);
        Result result = Run($"run {kernel} --engine interpreter --serial null --time-limit 1s");
        Assert.Equal(status, result.Status);
        Assert.Equal(line is null ? "" : $"runtime: {line}\n", result.Errors);
    }

    [Fact]
    public void SerialOutputGoesToStandardOutputOrAFile()
    {
        string kernel = WriteKernel(HelloAndExit);
        Assert.Equal("hi\n", Run($"run {kernel} --engine interpreter").Output);
        string file = Path.Combine(_directory.FullName, "serial");
        Assert.Equal("", Run($"run {kernel} --engine interpreter --serial {file}").Output);
        Assert.Equal("hi\n", File.ReadAllText(file));
    }

    [Fact]
    public void StandardInputReachesTheGuest()
    {
        // Polls LSR, echoes bytes until 'q'.
        string kernel = WriteKernel(
            [0xBA, 0xFD, 0x03, 0, 0, 0xEC, 0xA8, 0x01, 0x74, 0xFB, 0xB2, 0xF8, 0xEC, 0x3C, (byte)'q', 0x74, 0x05, 0xEE, 0xB2, 0xFD, 0xEB, 0xEF, 0xFA, 0xF4]);
        Result result = Run($"run {kernel} --engine interpreter --time-limit 20s", input: "abcq");
        Assert.Equal("abc", result.Output);
        Assert.Equal(0, result.Status);
    }

    [Fact]
    public void StatsTellExitsAndTimes()
    {
        string file = Path.Combine(_directory.FullName, "stats.json");
        Run($"run {WriteKernel(HelloAndExit)} --engine interpreter --mode full --serial null --stats {file}");
        JsonElement stats = JsonDocument.Parse(File.ReadAllText(file)).RootElement;
        Assert.Equal("full", stats.GetProperty("mode").GetString());
        Assert.Equal("interpreter", stats.GetProperty("engine").GetString());
        Assert.Equal(0x21, stats.GetProperty("exitStatus").GetInt32());
        JsonElement writes = stats.GetProperty("exits").EnumerateArray().Single(exit => exit.GetProperty("reason").GetString() == "port-write");
        Assert.Equal(4, writes.GetProperty("count").GetInt64());
        Assert.True(stats.GetProperty("wallNanoseconds").GetInt64() > 0);
    }

    [Fact]
    public void TraceShowsEachExit()
    {
        Result result = Run($"run {WriteKernel(HelloAndExit)} --engine interpreter --trace exits");
        Assert.Contains("trace: exit PortWrite port 0xf4 size 1 value 0x10", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help", "Commands:")]
    [InlineData("run --help", "runtime run kernel.elf --mode full")]
    [InlineData("compare --help", "--with-qemu --format html")]
    public void HelpHasExamples(string arguments, string words)
    {
        Result result = Run(arguments);
        Assert.Equal(0, result.Status);
        Assert.Contains(words, result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void CompareHasAColumnForEachConfiguration()
    {
        string file = Path.Combine(_directory.FullName, "report.json");
        Result result = Run($"compare {WriteKernel(HelloAndExit)} --time-limit 10s --format json -o {file}");
        Assert.Equal(0, result.Status);
        JsonElement[] columns = [.. JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("columns").EnumerateArray()];
        Assert.Equal(["trap (direct)", "full (direct)", "para (direct)", "para (interpreter)"], columns.Select(column => column.GetProperty("name").GetString()!));
        Assert.Equal(0x21, columns[3].GetProperty("exitStatus").GetInt32());
        Assert.Equal("hi", columns[3].GetProperty("lastLine").GetString());
    }

    private void AssertRefused(string arguments, int status, string words)
    {
        string text = Path.Combine(_directory.FullName, "text");
        File.WriteAllText(text, "This is no kernel.\n");
        Result result = Run(arguments.Replace("KERNEL", WriteKernel(HelloAndExit), StringComparison.Ordinal).Replace("TEXT", text, StringComparison.Ordinal));
        Assert.Equal(status, result.Status);
        Assert.StartsWith("runtime: ", result.Errors, StringComparison.Ordinal);
        Assert.Contains(words, result.Errors, StringComparison.Ordinal);
        Assert.Equal(1, result.Errors.Count(character => character == '\n'));
    }

    private string WriteKernel(byte[] code)
    {
        string path = Path.Combine(_directory.FullName, "kernel");
        File.WriteAllBytes(path, KernelFile.Flat(code).Bytes);
        return path;
    }

    private static Result Run(string arguments, string input = "")
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "runtime.dll"));
        foreach (string argument in arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, errors.Result);
    }

    private sealed record Result(int Status, string Output, string Errors);
}
