namespace Runtime.Abi.Xen;

/// <summary>What a hypercall returns, negated, when it fails (Xen, public/errno.h: the numbers of Linux on x86).</summary>
public enum XenError
{
    None = 0,

    /// <summary>EPERM</summary>
    NotPermitted = 1,

    /// <summary>ENOENT</summary>
    NoEntry = 2,

    /// <summary>EFAULT: an argument lies where the guest has no memory, or may not write.</summary>
    Fault = 14,

    /// <summary>EBUSY</summary>
    Busy = 16,

    /// <summary>EEXIST</summary>
    Exists = 17,

    /// <summary>EINVAL</summary>
    Invalid = 22,

    /// <summary>ENOSPC</summary>
    NoSpace = 28,

    /// <summary>ENOSYS</summary>
    NoSystemCall = 38,

    /// <summary>ESRCH: no such domain.</summary>
    NoDomain = 3,

    /// <summary>ETIME: a timeout that lies in the past was to be in the future.</summary>
    TimeExpired = 62,
}
