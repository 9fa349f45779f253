using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>The scanner's map as the planner sees it: for planning a whole image.</summary>
public sealed class CodeMapContext(CodeMap map) : ICodeContext
{
    public bool TryGetInstruction(uint address, out Instruction instruction)
    {
        instruction = map.IsInstructionStart(address) ? map.Decode(address) : default;
        return instruction.Length != 0;
    }

    public bool TryGetPrevious(uint address, out Instruction previous) => map.TryPrevious(address, out previous);

    public bool IsTarget(uint address) => map.IsTarget(address);

    public bool IsNeverDisplace(uint address, int length) => map.TryFindSelfPatched(address, address + (ulong)length, out _);

    public bool IsPadding(uint address, int length)
    {
        ReadOnlySpan<CodeRange> holes = map.Holes;
        int low = 0;
        int high = holes.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = holes[middle].End <= address ? (middle + 1, high) : (low, middle);
        }

        return low < holes.Length && holes[low].Start <= address && address + (ulong)length <= holes[low].End;
    }

    public ReadOnlySpan<byte> Bytes(uint address, int length)
    {
        CodeSection section = map.SectionAt(address) ?? throw new ArgumentOutOfRangeException(nameof(address), $"{address:x8} is not code");
        return section.Bytes.Span.Slice((int)(address - section.Address), length);
    }
}
