using Rewriter.Images;
using Rewriter.Scanning;
using Tests.Images;
using Xunit;

namespace Tests.Scanning;

/// <summary>The questions that the planner asks.</summary>
public sealed class CodeMapTests
{
    // 100020: call +3; nop; jmp -2 (to itself); int3 x8; 100030: pushf; ret
    static readonly byte[] _code = [0xE8, 0x0B, 0, 0, 0, 0x90, 0xEB, 0xFE, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0x9C, 0xC3];
    readonly CodeMap _map = Scanner.Scan(KernelImage.Load("flat", ImageBuilder.Multiboot(_code))).Map;

    [Fact]
    public void KnowsTargets()
    {
        Assert.True(_map.IsTarget(0x100025)); // where the call returns
        Assert.True(_map.IsTarget(0x100026)); // where the jump goes
        Assert.True(_map.IsTarget(0x100030)); // what is called
        Assert.False(_map.IsTarget(0x100031));
        Assert.False(_map.IsTarget(0x200000));
    }

    [Fact]
    public void KnowsPadding()
    {
        CodeRange hole = Assert.Single(_map.Holes.ToArray());
        Assert.Equal(new CodeRange(0x100028, 0x100030), hole);
    }

    [Fact]
    public void KnowsBlocksAndFunctions()
    {
        Assert.Equal(new CodeRange(0x100030, 0x100032), _map.BlockAt(0x100031));
        Assert.Equal(new CodeRange(0x100020, 0x100025), _map.BlockAt(0x100020));
        Assert.Equal(0x100030ul, _map.FunctionAt(0x100031)!.Value.Start);
        Assert.Null(_map.FunctionAt(0x300000));
    }

    [Fact]
    public void WalksBothWays()
    {
        Assert.True(_map.TryPrevious(0x100031, out Iced.Intel.Instruction previous));
        Assert.Equal(0x100030ul, previous.IP);
        Assert.False(_map.TryPrevious(0x100030, out _)); // padding is not proven code
        Assert.Equal([0x100020ul, 0x100025ul, 0x100026ul, 0x100030ul, 0x100031ul], _map.InstructionsIn(0, ulong.MaxValue)
            .Select(i => i.IP));
    }
}
