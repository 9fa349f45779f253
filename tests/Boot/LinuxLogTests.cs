// The kernel's log: no warning or worse that the same kernel does not write in QEMU.
using System.Text.RegularExpressions;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed partial class LinuxLogTests : IDisposable
{
    /// <summary>Of Linux as a guest of Xen, anywhere: printed without a level, which counts as a warning (drivers/xen/grant-table.c).</summary>
    private const string OnXen = "Grant table initialized";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-log-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("686")]
    [InlineData("686-pae")]
    public void NothingIsWorseThanInQemu(string flavour)
    {
        string kernel = LinuxGuest.Kernel(flavour);
        // reboot: without ACPI QEMU does not power off.
        string initrd = LinuxGuest.Initramfs(_folder.FullName, "dmesg -r | grep '^<[0-4]>'; echo 'init: that was all'; reboot -f");
        // As QEMU is, and without what this machine lacks: ACPI and a local APIC.
        HashSet<string> known =
        [
            OnXen, .. Warnings(LinuxGuest.RunInQemu(kernel, initrd, "quiet")),
            .. Warnings(LinuxGuest.RunInQemu(kernel, initrd, "quiet", "-machine", "pc,acpi=off", "-cpu", "qemu32,-apic")),
        ];
        foreach (string mode in new[] { "para", "full" })
        {
            string[] found = Warnings(LinuxGuest.Run(kernel, initrd, mode, "quiet"));
            Assert.Empty(found.Except(known));
        }
    }

    /// <summary>Without times, addresses and process numbers.</summary>
    private static string[] Warnings(string log)
    {
        Assert.Contains("init: that was all", log, StringComparison.Ordinal);
        return [.. log.Split('\n').Where(line => line.StartsWith('<'))
            .Select(line => Changing().Replace(line.TrimEnd('\r'), match => match.Groups["before"].Value + "*"))
            .Select(line => line[(line.IndexOf(']', StringComparison.Ordinal) + 2)..])];
    }

    [GeneratedRegex(@"(?<before>PID:? ?)\d+|\b(0x)?[0-9a-f]{8}\b", RegexOptions.IgnoreCase)]
    private static partial Regex Changing();
}
