using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

/// <summary>The last tactic before a trap: ranges whose guards only a jump to padding inside the image can give.</summary>
public sealed class ChainedJumpTests
{
    private const uint Start = 0xC116_0000;
    private const int HoleLength = 300;
    private const int BeyondShortJumps = 200;

    // One byte, then boundaries at the first and at the highest byte of the displacement: sti; lea esp,[ebp-0Ch]; pop ebx; pop esi; ret.
    private static readonly byte[] Tail = [0xFB, 0x8D, 0x65, 0xF4, 0x5B, 0x5E, 0xC3];

    [Fact]
    public void PaddingInTheImageGivesGuardsThatTheWindowCannot()
    {
        (PatchPlan plan, InstructionListContext code, byte[] bytes) = Plan(withHole: true);
        new PlanChecker(plan, code, Start, bytes).CheckAll(0);
        PlannedSite site = Assert.Single(plan.Sites);
        Assert.Equal(PatchTactic.ChainedJump, site.Tactic);
        Patch patch = plan.Patches.Single(p => p.Tactic == PatchTactic.ChainedJump);
        Assert.Equal([GuardBytes.Undefined, GuardBytes.Cli], patch.NewBytes.Span[4..6].ToArray());
        Assert.InRange(patch.Landing, Start + 1, Start + HoleLength - 4);
    }

    [Fact]
    public void WithoutPaddingATrapIsLeft()
    {
        (PatchPlan plan, InstructionListContext code, byte[] bytes) = Plan(withHole: false);
        new PlanChecker(plan, code, Start, bytes).CheckAll(0);
        Assert.Equal(PatchTactic.Trap, Assert.Single(plan.Sites).Tactic);
    }

    [Fact]
    public void TheUndefinedGuardIsOneByteValueOnly()
    {
        GuardConstraint constraint = GuardConstraint.None.With(3, GuardKind.Undefined);
        Assert.True(constraint.TryCeiling(0x1234, out uint displacement));
        Assert.Equal(0xFF00_0000, displacement);
        Assert.False(constraint.Allows(0xFE12_3456));
    }

    private static (PatchPlan Plan, InstructionListContext Code, byte[] Bytes) Plan(bool withHole)
    {
        // ret, a hole, bytes that nobody knows, and a NOP that the kernel patches itself, so that nothing before the site may move.
        byte[] bytes = [0xC3, .. Enumerable.Repeat((byte)0xCC, HoleLength + BeyondShortJumps), 0x3E, 0x8D, 0x74, 0x26, 0x00, .. Tail];
        uint nop = Start + 1 + HoleLength + BeyondShortJumps;
        uint sti = nop + 5;
        var code = new InstructionListContext(Start, bytes);
        Decoder decoder = Decoder.Create(32, bytes[(int)(nop - Start)..], nop);
        SensitiveInstruction? site = null;
        while (decoder.IP < Start + (ulong)bytes.Length)
        {
            Instruction instruction = decoder.Decode();
            code.Add(instruction);
            if (instruction.IP32 == sti)
                site = new SensitiveInstruction(instruction, bytes.AsMemory((int)(sti - Start), 1), SensitivityClass.Trapping, SiteConfidence.High, ".text", null);
        }

        code.AddNeverDisplace(nop, 5);
        if (withHole)
            code.AddPadding(Start + 1, HoleLength);
        var planner = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), PlannerOptions.Default);
        return (planner.Plan(code, [site!], 0), code, bytes);
    }
}
