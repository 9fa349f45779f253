// Instructions against what the host CPU did with them. The tables were made by running each line's bytes on hardware.
using System.Globalization;
using Runtime.Engines;
using Xunit;

namespace Tests.Engines.Interpreter;

public sealed class HostOracleTests
{
    private static readonly string[] s_names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

    /// <summary>bytes | before | after | memory before | memory changed. Flags named undefined are not compared.</summary>
    [Fact]
    public void IntegerInstructionsDoWhatTheHostDoes()
    {
        var wrong = new List<string>();
        int cases = 0;
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Engines", "Interpreter", "Cases", "Integer.txt")))
        {
            if (line.StartsWith('#') || line.Length == 0)
            {
                continue;
            }

            cases++;
            if (Check(line) is { } difference)
            {
                wrong.Add($"{difference}\n    {line}");
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {cases}:\n{string.Join('\n', wrong.Take(40))}");
    }

    private static string? Check(string line)
    {
        string[] columns = line.Split('|');
        using var machine = new TestMachine(4);
        machine.Write(TestMachine.Code, Convert.FromHexString(columns[0].Trim()));
        int length = columns[0].Trim().Length / 2;
        machine.Write(TestMachine.Code + (uint)length, 0xF4);
        Dictionary<string, uint> before = Parse(columns[1]);
        for (int i = 0; i < 8; i++)
        {
            machine.State.Gpr[i] = before.GetValueOrDefault(s_names[i], i == VcpuState.Esp ? TestMachine.Stack : 0);
        }

        machine.State.Eflags = before["flags"] | 2;
        if (columns.Length > 3)
        {
            uint at = TestMachine.Scratch;
            foreach (string word in columns[3].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                machine.Memory.Write32(at, uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                at += 4;
            }
        }

        VmExit exit = machine.Run(100);
        if (exit.Reason != VmExitReason.Halt)
        {
            return $"ended with {exit}";
        }

        Dictionary<string, uint> after = Parse(columns[2]);
        uint compared = 0xCD5 & ~after.GetValueOrDefault("undefined");
        for (int i = 0; i < 8; i++)
        {
            uint expected = i == VcpuState.Esp ? TestMachine.Stack : after.GetValueOrDefault(s_names[i], before.GetValueOrDefault(s_names[i]));
            if (machine.State.Gpr[i] != expected)
            {
                return $"{s_names[i]} is {machine.State.Gpr[i]:x}, not {expected:x}";
            }
        }

        if (((machine.State.Eflags ^ after["flags"]) & compared) != 0)
        {
            return $"flags are {machine.State.Eflags & 0xCD5:x}, not {after["flags"]:x}";
        }

        return columns.Length > 4 ? CheckMemory(machine, columns[3], columns[4]) : null;
    }

    private static string? CheckMemory(TestMachine machine, string before, string changes)
    {
        uint[] expected = [.. before.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        foreach (string change in changes.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = change.Split('=');
            int index = int.Parse(parts[0], CultureInfo.InvariantCulture);
            if (index < expected.Length)
            {
                expected[index] = uint.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
        }

        for (int i = 0; i < expected.Length; i++)
        {
            uint found = machine.Memory.Read32(TestMachine.Scratch + (uint)i * 4);
            if (found != expected[i])
            {
                return $"dword {i} is {found:x}, not {expected[i]:x}";
            }
        }

        return null;
    }

    private static Dictionary<string, uint> Parse(string text)
        => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => uint.Parse(pair[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
