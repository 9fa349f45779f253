// The terminal while a guest owns it: each key goes to the guest at once and is not echoed. Output is still translated, so that a guest's
// bare line feeds look right.
using System.Runtime.InteropServices;

namespace Runtime.Commands;

/// <summary>Puts the terminal of standard input into that state and back when disposed, or when the process ends in any orderly way. Does
/// nothing where the host is not Linux.</summary>
internal sealed unsafe partial class RawTerminal : IDisposable
{
    private const int StandardInput = 0, ApplyNow = 0;

    private readonly Settings _before;
    private bool _isRaw;

    public RawTerminal()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Settings settings;

        // SAFETY: the C library fills a structure that is at least as large as its own.
        if (GetAttributes(StandardInput, &settings) != 0)
        {
            return;
        }

        _before = settings;
        settings.InputFlags &= ~(InputFlags.CarriageReturnToNewLine | InputFlags.SoftwareFlowControl | InputFlags.StripEighthBit);
        settings.LocalFlags &= ~(LocalFlags.Canonical | LocalFlags.Echo | LocalFlags.Extended | LocalFlags.Signals);
        settings.MinimumBytes = 1;
        settings.Timeout = 0;

        // SAFETY: the C library reads the structure that it filled above.
        _isRaw = SetAttributes(StandardInput, ApplyNow, &settings) == 0;
        AppDomain.CurrentDomain.ProcessExit += RestoreAtExit;
        AppDomain.CurrentDomain.UnhandledException += RestoreAtExit;
    }

    [Flags]
    private enum InputFlags : uint
    {
        StripEighthBit = 0x20,
        CarriageReturnToNewLine = 0x100,
        SoftwareFlowControl = 0x400,
    }

    [Flags]
    private enum LocalFlags : uint
    {
        Signals = 0x1,
        Canonical = 0x2,
        Echo = 0x8,
        Extended = 0x8000,
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= RestoreAtExit;
        AppDomain.CurrentDomain.UnhandledException -= RestoreAtExit;
        Restore();
    }

    private void RestoreAtExit(object? sender, EventArgs arguments) => Restore();

    private void Restore()
    {
        if (_isRaw)
        {
            _isRaw = false;
            Settings before = _before;

            // SAFETY: the C library reads the structure that it filled itself.
            SetAttributes(StandardInput, ApplyNow, &before);
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int descriptor, Settings* settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int descriptor, int when, Settings* settings);

    /// <summary><c>struct termios</c> of Linux (bits/termios.h), with room to spare.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Settings
    {
        public InputFlags InputFlags;
        public uint OutputFlags;
        public uint ControlFlags;
        public LocalFlags LocalFlags;
        public byte LineDiscipline;
        private fixed byte _controlCharactersBeforeTimeout[5];
        public byte Timeout;
        public byte MinimumBytes;
        private fixed byte _rest[120];
    }
}
