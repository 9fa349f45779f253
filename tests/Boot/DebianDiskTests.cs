// Debian's own driver on a ring disk with ext4: what a native file-system check says afterwards, also after the runtime was killed.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Runtime.Commands;
using Runtime.Devices;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class DebianDiskTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    private string Image => Path.Combine(_folder.FullName, "disk.img");

    [Fact]
    public void TheFileSystemIsCleanAfterUse()
    {
        string[] arguments = Prepare("for i in $(seq 200); do mkdir -p /mnt/d$i; dd if=/dev/urandom of=/mnt/d$i/f bs=5000 count=$i 2>/dev/null; done; rm -r /mnt/d1*; cat /mnt/d*/f | md5sum; sync; echo used; umount /mnt; mount -t ext4 /dev/xvda /mnt; cat /mnt/d*/f | md5sum; umount /mnt");
        ChildResult run = ChildProcess.Run("dotnet", arguments, s_limit);
        SkipWithoutEngine(run.Errors);
        string[] sums = [.. run.Output.Split('\n').Where(line => line.Contains("  -", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.Equal(2, sums.Length);
        Assert.Equal(sums[0], sums[1]);
        Check("-fn");
    }

    /// <summary>A write-ahead log: what the guest was told is on the disk is there, whatever happens to the runtime.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatWasFlushedSurvivesAKilledRuntime(bool hasOverlay)
    {
        const int enough = 40;
        string overlay = Path.Combine(_folder.FullName, "disk.cow");
        string[] arguments = Prepare("disk log /mnt/log 1000000", hasOverlay ? $",overlay={overlay}" : "");
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        int logged = 0;
        while (logged < enough && process.StandardOutput.ReadLine() is string line)
        {
            if (line.Trim().Split(' ') is ["logged", string number])
            {
                logged = int.Parse(number);
            }
        }

        process.Kill();
        process.WaitForExit();
        if (logged < enough)
        {
            SkipWithoutEngine(process.StandardError.ReadToEnd());
        }

        Assert.True(logged >= enough, $"the guest logged {logged} records");
        if (hasOverlay)
        {
            Check("-fn"); // the base is as it was
            using DiskImage disk = DiskImage.OpenOverlay(Image, overlay);
            byte[] contents = new byte[disk.SectorCount * DiskImage.SectorSize];
            disk.Read(0, contents);
            File.WriteAllBytes(Image + "2", contents);
            File.Move(Image + "2", Image, overwrite: true);
        }

        // Replays the journal; then nothing may be wrong any more.
        Run("e2fsck", "-p", Image);
        Check("-fn");
        string copy = Path.Combine(_folder.FullName, "log");
        Run("debugfs", "-R", $"dump /log {copy}", Image);
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(File.ReadAllBytes(copy));
        Assert.True(words.Length >= logged * 1024, $"{logged} records were flushed, the file holds {words.Length / 1024}");
        for (int record = 1; record <= logged; record++)
        {
            Assert.False(words.Slice((record - 1) * 1024, 1024).ContainsAnyExcept((uint)record), $"record {record} is damaged");
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static void SkipWithoutEngine(string errors) => Assert.SkipWhen(errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), errors);

    /// <summary>A fresh disk, and the command line of a guest that mounts it and does a job.</summary>
    private string[] Prepare(string job, string diskOptions = "")
    {
        string debian = Path.Combine(Repository.GuestKernels, "debian"), cache = Path.Combine(debian, "cache");
        string? kernel = Directory.Exists(cache) ? Directory.EnumerateFiles(cache, "vmlinuz-*-686-pae").FirstOrDefault() : null;
        Assert.SkipWhen(kernel is null, "Debian's kernel is not here: run guest-kernels/debian/fetch.sh");
        foreach (string tool in new[] { "mkfs.ext4", "e2fsck", "debugfs" })
        {
            Assert.SkipWhen(Find(tool) is null, tool + " is not installed");
        }

        File.Create(Image).Dispose();
        using (FileStream file = File.OpenWrite(Image))
        {
            file.SetLength(64 << 20);
        }

        Run("mkfs.ext4", "-q", Image);
        string modules = Path.Combine(cache, "modules", Path.GetFileName(kernel!)["vmlinuz-".Length..], "kernel"), initrd = Path.Combine(_folder.FullName, "initrd.gz");
        string[] needed = ["lib/crc16.ko", "crypto/crc32c_generic.ko", "fs/mbcache.ko", "fs/jbd2/jbd2.ko", "fs/ext4/ext4.ko", "drivers/block/xen-blkfront.ko"];
        string load = string.Concat(needed.Select(name => $"insmod /lib/{Path.GetFileName(name)}; "));
        ChildResult built = ChildProcess.Run(
            Path.Combine(debian, "initramfs.sh"),
            [
                .. needed.SelectMany(name => new[] { "--add", $"{Path.Combine(modules, name)}:/lib/{Path.GetFileName(name)}" }),
                "--add", Path.Combine(debian, "bin", "disk"),
                "--run", load + "mkdir /mnt; mount -t ext4 /dev/xvda /mnt || exit 1; " + job, initrd,
            ],
            s_limit);
        Assert.True(built.ExitStatus == 0, built.Errors);
        return
        [
            typeof(Runtime.VirtualMachine).Assembly.Location, "run", kernel!, "--engine", "direct", "--mode", "para", "--memory", "256M",
            "--time-limit", "110s", "--initrd", initrd, "--disk", Image + diskOptions, "--append", "console=hvc0 quiet panic=1",
        ];
    }

    private void Check(string option)
    {
        ChildResult check = ChildProcess.Run(Find("e2fsck")!, [option, Image], s_limit);
        Assert.True(check.ExitStatus == 0, check.Output + check.Errors);
    }

    private static void Run(string tool, params string[] arguments) => ChildProcess.Run(Find(tool)!, arguments, s_limit);

    private static string? Find(string tool)
        => (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':').Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
}
