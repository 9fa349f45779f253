using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

/// <summary>Sites without room of their own: one that only the patch before it can take along, one that only a neighbour's patch can carry
/// the second jump of.</summary>
public sealed class CrampedSiteTests
{
    private const uint Start = 0xC116_0000;

    [Fact]
    public void ASiteThatIsATargetJoinsThePatchBeforeIt()
    {
        // ret ; verw [C1919400h] ; iret, which something jumps to ; bytes that nobody knows: Linux's way back to user mode.
        byte[] bytes = [0xC3, 0x0F, 0x00, 0x2D, 0x00, 0x94, 0x91, 0xC1, 0xCF, 0x06, 0x06];
        var code = new InstructionListContext(Start, bytes);
        SensitiveInstruction[] sites = AddAll(code, bytes, known: 9);
        code.AddTarget(Start + 8);
        PatchPlan plan = Plan(code, sites, PlannerOptions.Default);
        new PlanChecker(plan, code, Start, bytes).CheckAll(0);
        Patch patch = Assert.Single(plan.Patches);
        Assert.Equal((Start + 1, 8), (patch.Address, patch.NewBytes.Length));
        Assert.DoesNotContain(plan.Sites, site => site.Tactic == PatchTactic.Trap);
    }

    [Fact]
    public void ATargetThatABranchOutsideTheRangeSharesStaysOutsideIt()
    {
        // mov ebx, imm32 ; je 8 ; sti ; 8: mov ebx, [ebp-4] ; leave ; ret ; jg 8: Linux's local_irq_restore before a common way out.
        byte[] bytes = [0xBB, 1, 2, 3, 4, 0x74, 0x01, 0xFB, 0x8B, 0x5D, 0xFC, 0xC9, 0xC3, 0x7F, 0xF9];
        var code = new InstructionListContext(Start, bytes);
        SensitiveInstruction[] sites = AddAll(code, bytes, known: bytes.Length);
        PatchPlan plan = Plan(code, sites, PlannerOptions.Default);
        new PlanChecker(plan, code, Start, bytes).CheckAll(0);
        Patch patch = Assert.Single(plan.Patches);
        Assert.Equal((Start, 8), (patch.Address, patch.NewBytes.Length));
    }

    [Theory]
    [InlineData(8, true, 12)]
    [InlineData(8, false, 12)]
    [InlineData(30, true, 39)]
    [InlineData(30, false, 0)]
    public void ALandingIsInPaddingOnlyWhereItMayBe(int padding, bool mayLandInPadding, int landing)
    {
        // Three instructions ; jmp on ; padding ; on: push es ; push ds, which is all there is.
        byte[] bytes = [0xB8, 1, 2, 3, 4, 0x81, 0xC1, 1, 2, 3, 4, 0x81, 0xC2, 1, 2, 3, 4, 0xEB, (byte)padding, .. Enumerable.Repeat((byte)0x90, padding), 0x06, 0x1E, 0x06];
        int on = 19 + padding;
        var code = new InstructionListContext(Start, bytes);
        SensitiveInstruction[] sites = AddAll(code, bytes, known: bytes.Length - 1, skipped: (19, on));
        code.AddTarget(Start + (uint)on);
        code.AddPadding(Start + 19, padding);
        PatchPlan plan = Plan(code, sites, new PlannerOptions { MayLandInPadding = mayLandInPadding });
        new PlanChecker(plan, code, Start, bytes).CheckAll(0);
        Assert.Equal(landing, plan.Patches.Where(patch => patch.Landing != 0).Select(patch => (int)(patch.Landing - Start)).SingleOrDefault());
    }

    private static PatchPlan Plan(InstructionListContext code, SensitiveInstruction[] sites, PlannerOptions options) =>
        new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), options).Plan(code, sites, 0);

    // Makes the first bytes known, and every sensitive instruction in them a site.
    private static SensitiveInstruction[] AddAll(InstructionListContext code, byte[] bytes, int known, (int From, int To) skipped = default)
    {
        var sites = new List<SensitiveInstruction>();
        var decoder = Iced.Intel.Decoder.Create(32, bytes, Start);
        while (decoder.IP < Start + (ulong)known)
        {
            decoder.Decode(out Iced.Intel.Instruction instruction);
            int offset = (int)(instruction.IP32 - Start);
            if (offset >= skipped.From && offset < skipped.To)
                continue;
            code.Add(instruction);
            if (SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity))
                sites.Add(new SensitiveInstruction(instruction, bytes.AsMemory(offset, instruction.Length), sensitivity, SiteConfidence.High, ".text", null));
        }

        return [.. sites];
    }
}
