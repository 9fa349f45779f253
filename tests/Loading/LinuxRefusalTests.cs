// What cannot be booted of Linux: one line that names the file and what is wrong, and exit status 3.
using Runtime.Commands;
using Xunit;

namespace Tests.Loading;

public sealed class LinuxRefusalTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-refusal-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The fixture itself is sound: only then do the others say something.</summary>
    [Fact]
    public void WholeImageRuns()
    {
        ChildResult result = Run(LinuxImageFile.Of32Bit());
        Assert.Equal("", result.Errors);
        Assert.Equal(0, result.ExitStatus);
    }

    [Fact]
    public void KernelFor64BitsIsNamed() => MustRefuse(LinuxImageFile.Of64Bit(), "64-bit Linux kernel: only 32-bit kernels can run");

    /// <summary>Known by its header, though the payload cannot be unpacked here.</summary>
    [Fact]
    public void KernelFor64BitsIsNamedWhateverItsCompression()
        => MustRefuse(LinuxImageFile.Around([0x28, 0xB5, 0x2F, 0xFD, 0, 0], xloadflags: 1),
            "64-bit Linux kernel: only 32-bit kernels can run");

    [Fact]
    public void UnknownCompressionIsNamed()
        => MustRefuse(LinuxImageFile.Around([0x28, 0xB5, 0x2F, 0xFD, 0, 0], xloadflags: 0),
            "compression zstd of the kernel payload is not supported");

    [Fact]
    public void CorruptPayloadIsRefused()
    {
        byte[] file = LinuxImageFile.Of32Bit();
        file[LinuxImageFile.PayloadOffset + 20] ^= 0xFF;
        MustRefuse(file, "gzip");
    }

    [Fact]
    public void PayloadThatIsNoKernelIsRefused()
        => MustRefuse(LinuxImageFile.Around([0x7F, (byte)'E', (byte)'x', (byte)'F', 1, 1, 1], xloadflags: 0),
            "unpacked bzImage payload: not an ELF file");

    [Fact]
    public void TruncatedImageIsRefused() => MustRefuse(LinuxImageFile.Of32Bit()[..^20], "bzImage payload");

    [Fact]
    public void CommandLineThatIsTooLongIsRefused()
        => MustRefuse(LinuxImageFile.Of32Bit(), "command line of", "--append", new string('x', 300));

    [Fact]
    public void InitrdThatDoesNotFitIsNamed()
    {
        string initrd = Path.Combine(_folder.FullName, "huge.gz");
        using (FileStream file = File.Create(initrd))
        {
            file.SetLength(40 << 20);
        }

        string words = $"too little memory: the initrd {initrd} needs 42 MiB, the machine has 31 MiB";
        MustRefuse(LinuxImageFile.Of32Bit(), words, "--initrd", initrd, "--memory", "32M");
    }

    [Fact]
    public void InitrdWhereTheKernelDoesNotTakeItIsNamed()
    {
        const int initrdAddressMaximum = 0x22C;
        string initrd = Path.Combine(_folder.FullName, "large.gz");
        using (FileStream file = File.Create(initrd))
        {
            file.SetLength(20 << 20);
        }

        byte[] kernel = LinuxImageFile.Of32Bit();
        BitConverter.GetBytes(0xFF_FFFF).CopyTo(kernel, initrdAddressMaximum);
        MustRefuse(kernel, $"the initrd {initrd} is too large: beside the kernel, there is no room for it below 16 MiB", "--initrd", initrd);
    }

    [Fact]
    public void KernelForArmIsNamed()
    {
        byte[] kernel = new byte[4096];
        "MZ"u8.CopyTo(kernel);
        "ARM\x64"u8.CopyTo(kernel.AsSpan(56));
        MustRefuse(kernel, "arm64 Linux kernel: only x86 kernels can be read");
    }

    private void MustRefuse(byte[] file, string words, params string[] options)
    {
        ChildResult result = Run(file, options);
        Assert.StartsWith($"runtime: {Path.Combine(_folder.FullName, "vmlinuz")}: ", result.Errors, StringComparison.Ordinal);
        Assert.Contains(words, result.Errors, StringComparison.Ordinal);
        Assert.Equal(1, result.Errors.Count(character => character == '\n'));
        Assert.Equal(3, result.ExitStatus);
        Assert.Equal("", result.Output);
    }

    private ChildResult Run(byte[] file, params string[] options)
    {
        string path = Path.Combine(_folder.FullName, "vmlinuz");
        File.WriteAllBytes(path, file);
        return ChildProcess.Run(
            "dotnet",
            [typeof(Runtime.VirtualMachine).Assembly.Location, "run", path, "--engine", "interpreter", "--time-limit", "5s", .. options],
            TimeSpan.FromSeconds(30));
    }
}
