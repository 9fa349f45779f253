// The language of Cases/*.txt: a case is what a driver does at the ports, and what it must see.
using System.Globalization;
using Xunit;

namespace Tests.Devices;

/// <summary>
/// One case of a table. Numbers are hexadecimal, times decimal with a unit.
/// <code>
///   case NAME               begins a case, on a board of its own
///   out PORT VALUE          out16, out32: wider
///   in PORT VALUE[/MASK]    in16, in32: wider; what is read must be VALUE in the bits of MASK
///   wait TIME               s, ms, us, ns or t (PIT clock pulses); the run loop looks at every deadline
///   sleep TIME              the same, but nobody looks before the end
///   raise IRQ, lower IRQ    an interrupt line; decimal
///   pending yes|no          INTR at the processor
///   ack VECTOR              INTA
///   arrive TEXT, sent TEXT  the serial line; \n and spaces as in C and as they are
///   power STATE             on, off, reset, exit NN
/// </code>
/// </summary>
public sealed record PortScript(string Name, IReadOnlyList<(int Line, string Text)> Steps)
{
    public static IEnumerable<PortScript> Read(string path)
    {
        string? name = null;
        var steps = new List<(int, string)>();
        int number = 0;
        foreach (string raw in File.ReadLines(path))
        {
            number++;
            string line = raw.Split('#')[0].TrimEnd();
            if (line.StartsWith("case ", StringComparison.Ordinal))
            {
                if (name is not null)
                {
                    yield return new PortScript(name, [.. steps]);
                }

                name = line[5..];
                steps.Clear();
            }
            else if (line.Length > 0)
            {
                steps.Add((number, line));
            }
        }

        if (name is not null)
        {
            yield return new PortScript(name, [.. steps]);
        }
    }

    public void Run()
    {
        var board = new Board();
        foreach ((int line, string text) in Steps)
        {
            string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string? complaint = Step(board, words, text);
            Assert.True(complaint is null, $"{Name}, line {line}: {text}: {complaint}");
        }
    }

    public override string ToString() => Name;

    private static string? Step(Board board, string[] words, string text)
    {
        switch (words[0])
        {
            case "out" or "out16" or "out32":
                board.Platform.Bus.Write((ushort)Hex(words[1]), Size(words[0]), Hex(words[2]));
                return null;
            case "in" or "in16" or "in32":
                string[] expected = words[2].Split('/');
                uint mask = expected.Length > 1 ? Hex(expected[1]) : uint.MaxValue;
                uint value = board.Platform.Bus.Read((ushort)Hex(words[1]), Size(words[0]));
                return (value & mask) == Hex(expected[0]) ? null : $"read {value:x}";
            case "wait":
                board.Wait(Time(words[1]));
                return null;
            case "sleep":
                board.Sleep(Time(words[1]));
                return null;
            case "raise" or "lower":
                board.Platform.Pic.Line(int.Parse(words[1], CultureInfo.InvariantCulture)).Set(words[0] == "raise");
                return null;
            case "pending":
                return board.Platform.Pic.IsInterruptPending == (words[1] == "yes") ? null : "it is otherwise";
            case "ack":
                byte vector = board.Platform.Pic.Acknowledge();
                return vector == Hex(words[1]) ? null : $"got {vector:x2}";
            case "arrive":
                board.Arrive(Text(text));
                return null;
            case "sent":
                string sent = board.TakeSent();
                return sent == Text(text) ? null : $"sent '{sent}'";
            case "power":
                return board.Power == string.Join(' ', words[1..]) ? null : $"power is {board.Power}";
            default:
                return "unknown step";
        }
    }

    private static uint Hex(string word) => uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static int Size(string word) => word.EndsWith("16", StringComparison.Ordinal) ? 2 : word.EndsWith("32", StringComparison.Ordinal) ? 4 : 1;

    private static string Text(string text)
    {
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? "" : text[(space + 1)..].Replace("\\n", "\n", StringComparison.Ordinal);
    }

    private static long Time(string word)
    {
        string unit = word.TrimStart("0123456789.".ToCharArray());
        double number = double.Parse(word[..^unit.Length], CultureInfo.InvariantCulture);
        double nanoseconds = unit switch
        {
            "s" => 1e9,
            "ms" => 1e6,
            "us" => 1e3,
            "ns" => 1,
            _ => 1e9 / 1_193_182,
        };
        return (long)Math.Ceiling(number * nanoseconds);
    }
}
