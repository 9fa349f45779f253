// What the calls of one hypercall see of the guest: its memory by linear address, copied once.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Engines.Interpreter;

namespace Runtime.Paravirt.Xen;

/// <summary>The five arguments of a hypercall (docs/guest-guide/x86/hypercall-abi.rst).</summary>
internal readonly record struct HypercallArguments(uint First, uint Second, uint Third, uint Fourth, uint Fifth);

/// <summary>Copies argument structures from and to the guest.</summary>
internal sealed class ArgumentMemory(Cpu cpu)
{
    public bool TryRead<T>(uint linear, out T value)
        where T : unmanaged
    {
        value = default;
        return cpu.TryCopyFromGuest(linear, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    public bool TryWrite<T>(uint linear, T value)
        where T : unmanaged
        => cpu.TryCopyToGuest(linear, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)));

    public bool TryRead(uint linear, Span<byte> into) => cpu.TryCopyFromGuest(linear, into);

    public bool TryWrite(uint linear, ReadOnlySpan<byte> from) => cpu.TryCopyToGuest(linear, from);

    /// <summary>Reads a structure, performs an operation on it and writes it back.</summary>
    public int Update<T>(uint linear, ArgumentUpdate<T> operation)
        where T : unmanaged
    {
        if (!TryRead(linear, out T value))
        {
            return Failed(XenError.Fault);
        }

        XenError error = operation(ref value);
        return error != XenError.None ? Failed(error) : TryWrite(linear, value) ? 0 : Failed(XenError.Fault);
    }

    /// <summary>Performs an operation on each element of an array that the guest passed; each reports for itself.</summary>
    public int UpdateEach<T>(uint linear, uint count, Action<ArgumentReference<T>> operation)
        where T : unmanaged
    {
        for (uint i = 0; i < count; i++)
        {
            uint at = linear + i * (uint)Unsafe.SizeOf<T>();
            if (!TryRead(at, out T value))
            {
                return Failed(XenError.Fault);
            }

            var reference = new ArgumentReference<T>(value);
            operation(reference);
            if (!TryWrite(at, reference.Value))
            {
                return Failed(XenError.Fault);
            }
        }

        return 0;
    }

    public static int Failed(XenError error) => -(int)error;
}

/// <summary>Changes an argument structure in place.</summary>
internal delegate XenError ArgumentUpdate<T>(ref T value)
    where T : unmanaged;

/// <summary>One element of an array argument.</summary>
internal sealed class ArgumentReference<T>(T value)
    where T : unmanaged
{
    public T Value = value;
}
