using Iced.Intel;
using Runtime.Memory;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>A function that accesses device memory often, then RAM, then device memory again, by the same instructions.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class DeviceAccessTests
{
    private const uint Slot = 0x7000_0000, Device = 0xFEE0_0000, Rounds = 1000;

    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void EveryAccessArrivesWhereItIsMeantFor(string engine)
    {
        var p = new GuestProgram { Paging = true };
        p.Place32(GuestProgram.Directory + (Slot >> 22 << 2), GuestProgram.SpareTable | 7);
        Assembler a = p.Main;
        Label function = a.CreateLabel(), again = a.CreateLabel(), over = a.CreateLabel();
        foreach (uint page in new[] { Device, GuestProgram.Data, Device })
        {
            a.mov(__dword_ptr[GuestProgram.SpareTable], page | 3);
            a.invlpg(__byte_ptr[Slot]);
            a.call(function);
            p.Report();
        }

        a.jmp(over);
        // Sums what it reads at 20h, writes the sum at 30h, counts at 34h. Sensitive and plain instructions stand close together.
        a.Label(ref function);
        a.xor(eax, eax);
        a.mov(ecx, Rounds);
        a.Label(ref again);
        a.cli();
        a.add(eax, __dword_ptr[Slot + 0x20]);
        a.pushfd();
        a.mov(__dword_ptr[Slot + 0x30], eax);
        a.popfd();
        a.inc(__dword_ptr[Slot + 0x34]);
        a.dec(ecx);
        a.jne(again);
        a.ret();
        a.Label(ref over);
        p.Report(GuestProgram.Data + 0x30);
        p.Report(GuestProgram.Data + 0x34);
        p.Place32(GuestProgram.Data + 0x20, 5);
        p.End();

        var device = new CountingDevice();
        using var run = new GuestRun(engine, p);
        run.Memory.Devices = device;
        run.ToEnd();
        Assert.Equal([$"{3 * Rounds:x}", $"{5 * Rounds:x}", $"{3 * Rounds:x}", $"{5 * Rounds:x}", $"{Rounds:x}", "end"], run.Log);
        Assert.Equal((2 * Rounds, 2 * Rounds, 2 * Rounds), (device.Reads, device.Writes, device.Counts));
        Assert.Equal(3 * Rounds, device.Last);
        if (engine == "direct para")
        {
            // Three instructions: 64 faults each until they are taken over, four times as many after they were given back.
            Assert.InRange(run.Counters.LeavingsByReason()["ShadowFault"], 3 * 5 * 64, 3 * 6 * 64);
        }
    }

    private sealed class CountingDevice : IDeviceMemory
    {
        public long Reads { get; private set; }

        public long Writes { get; private set; }

        public long Counts { get; private set; }

        public uint Last { get; private set; }

        public uint Read(ulong address, int size)
        {
            switch (address)
            {
                case Device + 0x20:
                    Reads++;
                    return 3;
                case Device + 0x34:
                    return (uint)Counts;
                default:
                    return uint.MaxValue;
            }
        }

        public void Write(ulong address, int size, uint value)
        {
            if (address == Device + 0x34)
            {
                Counts++;
                Assert.Equal((uint)Counts, value);
            }
            else
            {
                Writes++;
                Last = value;
            }
        }
    }
}
