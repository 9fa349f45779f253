using Iced.Intel;
using Rewriter.Scanning;
using Xunit;

namespace Tests.Scanning;

/// <summary>The table against Iced's own knowledge of the instruction set, and against a list of cases.</summary>
public sealed class SensitivityTableTests
{
    [Fact]
    public void EveryPrivilegedInstructionIsInTheTable()
    {
        var missing = new List<Code>();
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            // What needs a decoder option existed on long gone processors only; the scanner does not decode it.
            bool isPrivileged = info.IsInstruction && info.IsPrivileged && (info.Mode32 || info.Mode64)
                && info.DecoderOption == DecoderOptions.None;
            if (isPrivileged && !SensitivityTable.IsSensitive(code))
            {
                missing.Add(code);
            }
        }

        Assert.Empty(missing);
    }

    [Fact]
    public void NoInstructionIsInTwoRows() =>
        Assert.Equal(SensitivityTable.Rows.Sum(r => r.Mnemonics.Length), SensitivityTable.Rows.SelectMany(r => r.Mnemonics).Distinct()
            .Count());

    public static TheoryData<string> Cases =>
        [.. File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Scanning", "Cases", "sensitivity.txt"))
        .Where(line => line.Length != 0 && line[0] != '#')];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ClassifiesAsTheListSays(string line)
    {
        string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
        Decoder decoder = Decoder.Create(int.Parse(cells[0]), Convert.FromHexString(cells[1].Replace(" ", "")));
        decoder.Decode(out Instruction instruction);
        Assert.Equal(cells[1].Replace(" ", "").Length / 2, instruction.Length);
        string actual = SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity) ? sensitivity.ToString()
            .ToLowerInvariant() : "none";
        Assert.Equal(cells[2], actual);
    }
}
