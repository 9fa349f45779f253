using System.Globalization;

namespace Runtime.Engines.Direct;

/// <summary>Limits of the host kernel that the shadow has to stay within.</summary>
internal static class HostLimits
{
    /// <summary>First page that an ordinary process may map (vm.mmap_min_addr).</summary>
    public static uint LowestPage { get; } = (uint)((ReadSetting("/proc/sys/vm/mmap_min_addr", 65536) + 4095) / 4096);

    /// <summary>Mappings that a stub process may have before its space is wiped: half of vm.max_map_count.</summary>
    public static int MappingsPerProcess { get; } = (int)Math.Min(ReadSetting("/proc/sys/vm/max_map_count", 65530) / 2, 30_000);

    private static long ReadSetting(string path, long otherwise)
        => File.Exists(path) && long.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out long value) ? value : otherwise;
}
