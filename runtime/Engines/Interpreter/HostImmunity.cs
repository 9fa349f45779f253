// What speculative execution does not leak on the host, and so not to a guest that runs on its processor: a guest's kernel that knows need not
// defend itself. Linux with PAE would load CR3 twice for each system call and interrupt otherwise (page-table isolation).
namespace Runtime.Engines.Interpreter;

/// <summary>IA32_ARCH_CAPABILITIES (SDM vol. 4, table 2-2) as far as the host's kernel vouches for it, and a guest gains by it. RDCL_NO alone: a VERW
/// against MDS has a cheap shim, and the IRET behind one that Linux jumps over no room for a patch.</summary>
internal static class HostImmunity
{
    private const uint RogueDataCacheLoad = 1 << 0;

    /// <summary>What the machine that this runs on is immune against; 0 where nobody says so.</summary>
    public static uint OfHost { get; } = Read("/sys/devices/system/cpu/vulnerabilities");

    /// <param name="directory">With a file for each weakness (Linux, Documentation/ABI/testing/sysfs-devices-system-cpu).</param>
    public static uint Read(string directory)
    {
        string meltdown = Path.Combine(directory, "meltdown");
        return File.Exists(meltdown) && File.ReadAllText(meltdown).Trim() == "Not affected" ? RogueDataCacheLoad : 0;
    }
}
