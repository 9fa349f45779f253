using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>The code of a relocatable object as the planner sees it. No monitor stands behind its patches, so that UD2, whose address
/// a bug table names, does not move; nor do calls by way of memory, which need the window's scratch words.</summary>
/// <param name="left">Sites to leave as they are, with the reason.</param>
public sealed class ObjectContext(CodeMap map, IReadOnlyDictionary<ulong, string>? left = null) : ICodeContext
{
    private readonly CodeMapContext _code = new(map);
    private ILookup<uint, Instruction>? _branches;

    public bool TryGetInstruction(uint address, out Instruction instruction) => _code.TryGetInstruction(address, out instruction);

    public bool TryGetPrevious(uint address, out Instruction previous) => _code.TryGetPrevious(address, out previous);

    public bool IsTarget(uint address) => _code.IsTarget(address);

    public bool IsSharedTarget(uint address) => !TryGetBranchesTo(address, out IReadOnlyList<Instruction> branches) || branches.Count > 1;

    public bool IsNeverDisplace(uint address, int length) => _code.IsNeverDisplace(address, length)
        || _code.TryGetInstruction(address, out Instruction instruction) && length == instruction.Length
            && (instruction.FlowControl == FlowControl.Exception
                || instruction.FlowControl == FlowControl.IndirectCall && instruction.Op0Kind == OpKind.Memory);

    public bool TryGetBranchesTo(uint address, out IReadOnlyList<Instruction> branches)
    {
        branches = [.. (_branches ??= FindBranches())[address]];
        return (map.MarksAt(address) & CodeMarks.Target) == CodeMarks.JumpTarget
            && branches.All(branch => map.SectionAt(branch.IP) == map.SectionAt(address));
    }

    private ILookup<uint, Instruction> FindBranches() => map.Sections
        .SelectMany(section => map.InstructionsIn(section.Address, section.End))
        .Where(instruction => DisplacedInstruction.TryGetTarget(instruction, out _))
        .ToLookup(instruction => instruction.NearBranch32);

    // Linux: the kernel writes an alternative's bytes when it loads the module (arch/x86/kernel/alternative.c, apply_alternatives).
    public CodeRange? ReplacedAround(uint address) => map.TryFindSelfPatched(address, address + 1ul, out SelfPatchedRange range)
        && range.Kind is SelfPatchKind.Alternative or SelfPatchKind.Paravirt ? new CodeRange(range.Start, range.End) : null;

    public string? WhyLeft(uint address) => left?.GetValueOrDefault(address);

    public bool IsTemplate(uint address) => _code.IsTemplate(address);

    public bool IsPadding(uint address, int length) => _code.IsPadding(address, length);

    public ReadOnlySpan<byte> Bytes(uint address, int length) => _code.Bytes(address, length);
}
