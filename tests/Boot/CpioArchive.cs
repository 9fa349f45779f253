using System.Text;

namespace Tests.Boot;

/// <summary>Writes an initial RAM file system as Linux reads it: cpio's "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst).</summary>
internal sealed class CpioArchive
{
    private const int Directory = 0x41ED; // drwxr-xr-x
    private const int Executable = 0x81ED; // -rwxr-xr-x

    private readonly MemoryStream _archive = new();

    public void AddDirectory(string name) => Add(name, Directory, []);

    public void AddFile(string name, ReadOnlySpan<byte> contents) => Add(name, Executable, contents);

    public byte[] ToArray()
    {
        Add("TRAILER!!!", 0, []);
        return _archive.ToArray();
    }

    private void Add(string name, int mode, ReadOnlySpan<byte> contents)
    {
        // magic, inode, mode, uid, gid, links, mtime, size, four device numbers, length of the name, checksum.
        int[] fields = [(int)_archive.Length + 1, mode, 0, 0, 1, 0, contents.Length, 0, 0, 0, 0, name.Length + 1, 0];
        _archive.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(field => field.ToString("x8"))) + name + "\0"));
        Pad();
        _archive.Write(contents);
        Pad();
    }

    private void Pad()
    {
        while (_archive.Length % 4 != 0)
        {
            _archive.WriteByte(0);
        }
    }
}
