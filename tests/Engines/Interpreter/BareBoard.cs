// The least board that a guest kernel of ours needs to speak and to end: a transmitting UART and the debug-exit port.
using System.Buffers.Binary;
using System.Text;
using Runtime.Engines;

namespace Tests.Engines.Interpreter;

internal sealed class BareBoard
{
    private readonly TestMachine _machine;
    private readonly StringBuilder _serial = new();

    public BareBoard(TestMachine machine) => _machine = machine;

    public string Serial => _serial.ToString();

    public int? ExitValue { get; private set; }

    /// <summary>Loads a multiboot ELF and sets the state that multiboot 1, section 3.2 promises.</summary>
    public void Load(ReadOnlySpan<byte> elf)
    {
        int headers = BinaryPrimitives.ReadInt32LittleEndian(elf[28..]);
        int count = BinaryPrimitives.ReadInt16LittleEndian(elf[44..]);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = elf.Slice(headers + i * 32, 32);
            if (BinaryPrimitives.ReadInt32LittleEndian(header) == 1)
            {
                int offset = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
                int size = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
                _machine.Write(BinaryPrimitives.ReadUInt32LittleEndian(header[12..]), elf.Slice(offset, size));
            }
        }

        const uint information = 0x9000;
        _machine.Memory.Write32(information, 1);
        _machine.Memory.Write32(information + 4, 639);
        _machine.Memory.Write32(information + 8, (uint)(_machine.Memory.Length >> 10) - 1024);
        _machine.State.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et;
        _machine.State.Cr4 = 0;
        _machine.State.Eip = BinaryPrimitives.ReadUInt32LittleEndian(elf[24..]);
        _machine.State.Gpr[VcpuState.Eax] = 0x2BADB002;
        _machine.State.Gpr[VcpuState.Ebx] = information;
    }

    /// <summary>Runs until the guest ends or stops making sense.</summary>
    public VmExit Run(long maxInstructions)
    {
        while (true)
        {
            VmExit exit = _machine.Run(maxInstructions);
            switch (exit.Reason)
            {
                case VmExitReason.PortWrite when exit.Port == 0xF4:
                    ExitValue = (int)exit.Value;
                    return exit;

                case VmExitReason.PortWrite when exit.Port == 0x3F8:
                    _serial.Append((char)(byte)exit.Value);
                    break;

                case VmExitReason.PortWrite:
                    break;

                case VmExitReason.PortRead:
                    _machine.Cpu.CompletePortRead(exit.Port == 0x3FD ? 0x60u : exit.Port == 0x64 ? 0u : uint.MaxValue);
                    break;

                default:
                    return exit;
            }
        }
    }
}
