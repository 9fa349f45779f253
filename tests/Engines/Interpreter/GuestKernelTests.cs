using Runtime.Engines;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class GuestKernelTests(ITestOutputHelper output)
{
    /// <summary>The kernel that checks every sensitive instruction finds nothing wrong.</summary>
    [Fact]
    public void QuirksFindsEveryInstructionRight()
    {
        string? image = FindKernel("quirks.elf");
        Assert.SkipWhen(image is null, "guest-kernels/bin is not here");
        using var machine = new TestMachine(64);
        var board = new BareBoard(machine);
        board.Load(File.ReadAllBytes(image!));
        VmExit exit = board.Run(100_000_000);
        output.WriteLine(board.Serial);
        Assert.True(board.ExitValue is not null, $"{exit} {machine.State}\n{board.Serial}");
        Assert.DoesNotContain("WRONG", board.Serial);
        Assert.Contains("OK", board.Serial);
    }

    private static string? FindKernel(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string path = Path.Combine(at.FullName, "guest-kernels", "bin", name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
