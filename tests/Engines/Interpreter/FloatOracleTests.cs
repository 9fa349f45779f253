// x87, MMX and SSE instructions against what the host CPU did with them, bit for bit, status words included.
using System.Buffers.Binary;
using System.Globalization;
using Runtime.Engines;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class FloatOracleTests
{
    [Theory]
    [InlineData("X87.txt")]
    [InlineData("Simd.txt")]
    public void FloatingPointInstructionsDoWhatTheHostDoes(string table)
    {
        var wrong = new List<string>();
        int cases = 0;
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Engines", "Interpreter", "Cases", table)))
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            cases++;
            if (Check(line) is { } difference)
            {
                wrong.Add($"{difference}\n    {line}");
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {cases}:\n{string.Join('\n', wrong.Take(60))}");
    }

    private static string? Check(string line)
    {
        string[] columns = line.Split('|');
        using var machine = new TestMachine(4);
        byte[] code = Convert.FromHexString(columns[0].Trim());
        machine.Write(TestMachine.Code, code);
        machine.Write(TestMachine.Code + (uint)code.Length, 0xF4);
        byte[] fx = machine.State.Fx;
        foreach ((string name, string value) in Parse(columns[1]))
        {
            switch (name)
            {
                case "cw":
                    BinaryPrimitives.WriteUInt16LittleEndian(fx, (ushort)Number(value));
                    break;

                case "sw":
                    BinaryPrimitives.WriteUInt16LittleEndian(fx.AsSpan(2), (ushort)Number(value));
                    break;

                case "tag":
                    fx[4] = (byte)Number(value);
                    break;

                case "mx":
                    BinaryPrimitives.WriteUInt32LittleEndian(fx.AsSpan(24), Number(value));
                    break;

                case "eax":
                    machine.State.Gpr[VcpuState.Eax] = Number(value);
                    break;

                case "ecx":
                    machine.State.Gpr[VcpuState.Ecx] = Number(value);
                    break;

                default:
                    Convert.FromHexString(value).CopyTo(Place(machine, name));
                    break;
            }
        }

        machine.State.Gpr[VcpuState.Esi] = TestMachine.Scratch;
        VmExit exit = machine.Run(10);
        if (exit.Reason != VmExitReason.Halt || machine.State.Eip != TestMachine.Code + (uint)code.Length + 1)
        {
            return $"ended with {exit} at {machine.State.Eip:x}";
        }

        foreach ((string name, string value) in Parse(columns[2]))
        {
            uint? found = name switch
            {
                "cw" => BinaryPrimitives.ReadUInt16LittleEndian(fx),
                "sw" => BinaryPrimitives.ReadUInt16LittleEndian(fx.AsSpan(2)),
                "tag" => fx[4],
                "mx" => BinaryPrimitives.ReadUInt32LittleEndian(fx.AsSpan(24)),
                "flags" => machine.State.Eflags & 0x8D5,
                "eax" => machine.State.Gpr[VcpuState.Eax],
                "ecx" => machine.State.Gpr[VcpuState.Ecx],
                _ => null,
            };
            if (found is { } number ? number != Number(value) : !Holds(Place(machine, name), Convert.FromHexString(value)))
            {
                return $"{name} is {(found is { } n ? n.ToString("x", CultureInfo.InvariantCulture) : Convert.ToHexStringLower(Place(machine, name)))}, not {value}";
            }
        }

        return null;
    }

    /// <summary>Trailing zeros are cut in the table.</summary>
    private static bool Holds(ReadOnlySpan<byte> found, ReadOnlySpan<byte> expected)
        => found.StartsWith(expected) && found[expected.Length..].IndexOfAnyExcept((byte)0) < 0;

    private static Span<byte> Place(TestMachine machine, string name) => name switch
    {
        "m" => machine.Memory.Slice(new Runtime.Memory.GuestPhysicalAddress(TestMachine.Scratch), 16),
        _ when name.StartsWith("st", StringComparison.Ordinal) => machine.State.Fx.AsSpan(32 + 16 * (name[2] - '0'), 10),
        _ => machine.State.Fx.AsSpan(160 + 16 * (name[1] - '0'), 16),
    };

    private static uint Number(string hex) => uint.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static IEnumerable<(string Name, string Value)> Parse(string text)
        => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).Select(parts => (parts[0], parts[1]));
}
