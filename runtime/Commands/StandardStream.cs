using Microsoft.Win32.SafeHandles;

namespace Runtime.Commands;

/// <summary>Standard input and output for a guest. The console's own streams set a terminal's modes and switch its keypad, which are the guest's
/// affair; plain ones do not share the offset of a redirected file with other writers. So each where it is right.</summary>
internal static class StandardStream
{
    public static Stream Input() => Console.IsInputRedirected || OperatingSystem.IsWindows() ? Console.OpenStandardInput() : OpenTerminal(0, FileAccess.Read);

    public static Stream Output() => Console.IsOutputRedirected || OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : OpenTerminal(1, FileAccess.Write);

    private static FileStream OpenTerminal(int descriptor, FileAccess access)
        => new(new SafeFileHandle(descriptor, ownsHandle: false), access, bufferSize: 0);
}
