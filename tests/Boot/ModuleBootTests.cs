// Debian's unmodified kernel loads modules that the rewriter has been over, and they do their work: a disk is read, and a file
// system on it is made, written and read.
using System.Security.Cryptography;
using System.Text;
using Rewriter;
using Rewriter.Images;
using Runtime.Abi;
using Runtime.Commands;
using Tests.Engines.Direct;
using Tests.Images;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class ModuleBootTests
{
    /// <summary>In the order of their dependencies.</summary>
    private static readonly string[] s_modules =
    [
        "scsi_common", "scsi_mod", "crc64", "crc64-rocksoft", "crct10dif_common", "crc-t10dif", "t10-pi", "sd_mod", "libata", "ata_piix",
        "crc32c_generic", "crc16", "mbcache", "jbd2", "ext4", "loop", "raid6_pq", "mii", "8139cp", "psmouse", "pcspkr",
    ];

    [Fact]
    public void RewrittenModulesWork()
    {
        string kernel = Fixture.Downloaded("vmlinuz-*-686");
        string folder = Directory.CreateTempSubdirectory("modules").FullName;
        try
        {
            byte[] disk = new byte[4 << 20];
            new Random(1).NextBytes(disk);
            string diskPath = Path.Combine(folder, "disk.img"), initrd = Path.Combine(folder, "initrd");
            File.WriteAllBytes(diskPath, disk);
            File.WriteAllBytes(initrd, InitialRamFileSystem(Fixture.Downloaded("modules/*-686")));
            ChildResult result = ChildProcess.Run(
                "dotnet",
                [
                    typeof(Runtime.VirtualMachine).Assembly.Location, "run", kernel, "--engine", "direct", "--mode", "para", "--memory", "256M",
                    "--time-limit", "150s", "--append", "console=ttyS0 panic=1 quiet", "--initrd", initrd, "--disk", diskPath,
                ],
                TimeSpan.FromSeconds(160));
            Assert.SkipWhen(result.Errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Errors);
            Assert.All(s_modules, module => Assert.Contains($"inserted {module}", result.Output, StringComparison.Ordinal));
            Assert.Contains(Convert.ToHexStringLower(MD5.HashData(disk)) + "  /dev/sda", result.Output, StringComparison.Ordinal);
            Assert.Contains("read back", result.Output, StringComparison.Ordinal);
            Assert.Contains("removed pcspkr", result.Output, StringComparison.Ordinal);
            Assert.Equal(0, result.ExitStatus);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] InitialRamFileSystem(string modules)
    {
        var archive = new CpioArchive();
        foreach (string directory in new[] { "bin", "dev", "proc", "sys", "modules" })
        {
            archive.AddDirectory(directory);
        }

        archive.AddFile("bin/busybox", File.ReadAllBytes(Fixture.Downloaded("busybox")));
        archive.AddFile("bin/sh", File.ReadAllBytes(Fixture.Downloaded("busybox")));
        archive.AddFile("init", Encoding.ASCII.GetBytes(Script()));
        foreach (string module in s_modules)
        {
            string path = Directory.EnumerateFiles(modules, module + ".ko", SearchOption.AllDirectories).Single();
            archive.AddFile($"modules/{module}.ko", RewritePipeline.Rewrite(KernelImage.Load(path), ExecutionMode.Para).File);
        }

        return archive.ToArray();
    }

    private static string Script() => $"""
        #!/bin/sh
        b=/bin/busybox
        $b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
        for m in {string.Join(' ', s_modules)}; do $b insmod /modules/$m.ko && echo "inserted $m"; done
        i=0; while [ ! -b /dev/sda ] && [ $i -lt 20 ]; do $b sleep 1; i=$((i+1)); done
        $b md5sum /dev/sda
        $b mke2fs /dev/sda && $b mkdir /mnt && $b mount -t ext4 /dev/sda /mnt
        $b cp $b /mnt/copy && $b umount /mnt && $b mount -t ext4 /dev/sda /mnt && $b cmp $b /mnt/copy && echo "read back"
        $b umount /mnt
        $b rmmod pcspkr && echo "removed pcspkr"
        $b reboot -f

        """;
}
