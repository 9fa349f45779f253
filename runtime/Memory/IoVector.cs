using System.Runtime.InteropServices;

namespace Runtime.Memory;

/// <summary><c>struct iovec</c>: a piece of memory for a system call that takes many.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct IoVector(nint Address, nint Length);
