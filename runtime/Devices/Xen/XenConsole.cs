// The console ring (public/io/console.h): bytes to and from the guest through one page, the console that hvc_xen drives.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;
using Runtime.Time;

namespace Runtime.Devices.Xen;

/// <summary>The back end of a guest's console. On the vcpu's thread.</summary>
/// <param name="notify">Raises the console's event channel.</param>
/// <param name="kill">Ends a guest that breaks the ring.</param>
public sealed class XenConsole(GuestMemory memory, uint frame, ISerialEndpoint endpoint, Action notify, Action<string> kill) : ITimedDevice
{
    private readonly ulong _page = (ulong)frame << 12;

    /// <summary>Due when input has come that the guest has not been given.</summary>
    public long NextDeadline => endpoint.HasArrived ? 0 : DeadlineQueue.Never;

    public void Advance(long now)
    {
        if (Fill())
        {
            notify();
        }
    }

    /// <summary>The guest has written something, or read.</summary>
    public void Service()
    {
        if (Drain() | Fill())
        {
            notify();
        }
    }

    /// <returns>Whether anything moved.</returns>
    private bool Drain()
    {
        uint consumer = Index(ConsoleLayout.OutputConsumer), producer = Volatile.Read(ref Index(ConsoleLayout.OutputProducer));
        if (producer - consumer > ConsoleLayout.OutputLength)
        {
            kill($"its console ring: output producer {producer} is beyond consumer {consumer}");
            return false;
        }

        for (uint at = consumer; at != producer; at++)
        {
            endpoint.Send(memory.Read8(_page + ConsoleLayout.Output + at % ConsoleLayout.OutputLength));
        }

        Volatile.Write(ref Index(ConsoleLayout.OutputConsumer), producer);
        return producer != consumer;
    }

    private bool Fill()
    {
        // What does not fit waits at the other end; the guest notifies when it has read.
        endpoint.AcknowledgeArrival();
        uint consumer = Volatile.Read(ref Index(ConsoleLayout.InputConsumer)), producer = Index(ConsoleLayout.InputProducer), start = producer;
        if (producer - consumer > ConsoleLayout.InputLength)
        {
            kill($"its console ring: input consumer {consumer} is beyond producer {producer}");
            return false;
        }

        while (producer - consumer < ConsoleLayout.InputLength && endpoint.TryReceive(out byte value))
        {
            memory.Write8(_page + ConsoleLayout.Input + producer % ConsoleLayout.InputLength, value);
            producer++;
        }

        Volatile.Write(ref Index(ConsoleLayout.InputProducer), producer);
        return producer != start;
    }

    private ref uint Index(int offset) => ref MemoryMarshal.Cast<byte, uint>(memory.Slice(new GuestPhysicalAddress(_page + (ulong)offset), sizeof(uint)))[0];
}
