using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Runtime.Devices.Disks;

/// <summary>Which file an open file is, whatever name it was opened by: statx(2)'s device and inode.</summary>
internal readonly partial record struct HostFileId(uint DeviceMajor, uint DeviceMinor, ulong Inode)
{
    private const int EmptyPath = 0x1000;
    private const uint WantInode = 0x100;

    // struct statx (linux/stat.h), the same on every architecture.
    private const int StructureLength = 256, InodeAt = 32, DeviceMajorAt = 136, DeviceMinorAt = 140;

    /// <returns>Null where the host does not say.</returns>
    public static unsafe HostFileId? Of(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        byte* answer = stackalloc byte[StructureLength];

        // SAFETY: the kernel fills in the structure, which lives through the call.
        return statx(file, "", EmptyPath, WantInode, answer) != 0 ? null
            : new HostFileId(*(uint*)(answer + DeviceMajorAt), *(uint*)(answer + DeviceMinorAt), *(ulong*)(answer + InodeAt));
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(SafeFileHandle directory, string path, int flags, uint mask, byte* answer);
}
