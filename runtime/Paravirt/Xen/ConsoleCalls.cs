using Runtime.Abi.Xen;
using Runtime.Devices;

namespace Runtime.Paravirt.Xen;

/// <summary>console_io (18): the hypervisor's own console, for messages from before a guest has one.</summary>
internal sealed class ConsoleCalls(ISerialEndpoint output, ArgumentMemory memory)
{
    private const uint Write = 0, Read = 1;

    /// <summary>Bytes taken in one call; the guest calls again for the rest.</summary>
    private const int Longest = 4096;

    public int Perform(uint operation, uint count, uint argument)
    {
        // Input goes to the console ring.
        if (operation == Read)
        {
            return 0;
        }

        if (operation != Write)
        {
            return ArgumentMemory.Failed(XenError.NoSystemCall);
        }

        Span<byte> text = stackalloc byte[(int)Math.Min(count, Longest)];
        if (count > Longest || !memory.TryRead(argument, text))
        {
            return ArgumentMemory.Failed(count > Longest ? XenError.Invalid : XenError.Fault);
        }

        foreach (byte value in text)
        {
            output.Send(value);
        }

        return 0;
    }
}
