// Checks a plan against the original code from the machine code alone, without asking the planner's own types how it was made.
using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

internal sealed class PlanChecker
{
    private readonly PatchPlan plan;
    private readonly InstructionListContext code;
    private readonly HashSet<uint> siteAddresses;
    private readonly byte[] image;
    private readonly uint start;

    public PlanChecker(PatchPlan plan, InstructionListContext code, uint start, byte[] original)
    {
        (this.plan, this.code, this.start) = (plan, code, start);
        siteAddresses = [.. plan.Sites.Select(site => (uint)site.Site.Address)];
        image = (byte[])original.Clone();
        foreach (Patch patch in plan.Patches)
        {
            Assert.Equal(patch.OriginalBytes.Length, patch.NewBytes.Length);
            Assert.True(patch.OriginalBytes.Span.SequenceEqual(original.AsSpan((int)(patch.Address - start), patch.OriginalBytes.Length)), "original bytes are recorded");
            patch.NewBytes.Span.CopyTo(image.AsSpan((int)(patch.Address - start)));
        }
    }

    public void CheckAll(int firstSiteIndex)
    {
        CheckOrder();
        CheckTotal(firstSiteIndex);
        foreach (Patch patch in plan.Patches.Where(patch => patch.Trampoline.Length > 0))
        {
            CheckGuards(patch);
            CheckEntry(patch);
            CheckTrampoline(patch);
        }
    }

    private void CheckOrder()
    {
        uint end = 0;
        foreach (Patch patch in plan.Patches)
        {
            Assert.True(patch.Address >= end, $"patch at {patch.Address:x8} overlaps the one before");
            end = patch.Address + (uint)patch.NewBytes.Length;
        }

        uint free = plan.WindowBase + MonitorWindow.TrampolineOffset;
        foreach (Patch patch in plan.Patches.Where(patch => patch.Trampoline.Length > 0).OrderBy(patch => patch.TrampolineAddress))
        {
            Assert.True(patch.TrampolineAddress >= free, $"trampoline at {patch.TrampolineAddress:x8} overlaps");
            free = patch.TrampolineAddress + (uint)patch.Trampoline.Length;
        }

        Assert.True(free <= plan.WindowBase + MonitorWindow.Size);
    }

    private void CheckTotal(int firstSiteIndex)
    {
        Assert.Equal(Enumerable.Range(firstSiteIndex, plan.Sites.Count), plan.Sites.Select(site => site.Index));
        foreach (PlannedSite site in plan.Sites)
        {
            uint address = (uint)site.Site.Address;
            bool isServed = plan.Patches.Any(patch => IsInside(patch, address) && patch.Map.Any(entry => entry.GuestAddress == address && entry.IsRestart));
            bool isTrapped = plan.Patches.Any(patch => patch.Tactic == PatchTactic.Trap && patch.Address == address && patch.NewBytes.Span.SequenceEqual([GuardBytes.Hlt]));
            Assert.True(site.Tactic switch
            {
                PatchTactic.Leave => !isServed && !isTrapped,
                PatchTactic.Trap => isTrapped && !isServed,
                _ => isServed && !isTrapped,
            }, $"{address:x8} {site.Tactic}");
        }
    }

    private void CheckGuards(Patch patch)
    {
        Assert.True((patch.Address ^ (patch.Address + (uint)patch.NewBytes.Length - 1)) < 4096, "a range crosses a page");
        foreach (Instruction instruction in Displaced(patch).Skip(1))
        {
            byte guard = image[instruction.IP32 - start];
            Instruction stray = Decode(image, start, instruction.IP32);
            Assert.True(GuardBytes.IsGuard(guard) || stray.IsInvalid && guard == 0xFF && IsInside(patch, instruction.IP32 + 1),
                $"{instruction.IP32:x8} holds {guard:x2}");
            Assert.False((instruction.IP32 & 0xFFF) == 0xFFF && guard is >= 0xE4 and <= 0xE7, "a guard with an operand at the end of a page");
        }
    }

    private void CheckEntry(Patch patch)
    {
        Instruction jump = Decode(image, start, patch.Address);
        Assert.Equal(Mnemonic.Jmp, jump.Mnemonic);
        if (patch.Landing != 0)
        {
            Assert.Equal(patch.Landing, jump.NearBranch32);
            Assert.False(code.TryGetInstruction(patch.Landing, out _), "a landing where an instruction starts");
            jump = Decode(image, start, patch.Landing);
            Assert.Equal(Code.Jmp_rel32_32, jump.Code);
        }

        Assert.Equal(patch.TrampolineAddress, jump.NearBranch32);
    }

    private void CheckTrampoline(Patch patch)
    {
        Assert.Equal(0, patch.Map[0].Offset);
        Assert.True(patch.Map.Zip(patch.Map.Skip(1)).All(pair => pair.First.Offset < pair.Second.Offset), "map offsets ascend");
        Assert.Distinct(patch.Map.Where(entry => entry.IsRestart).Select(entry => entry.GuestAddress));
        foreach (Instruction instruction in Displaced(patch))
        {
            TrampolineMapEntry entry = patch.Map.First(entry => entry.GuestAddress == instruction.IP32 && entry.IsRestart);
            if (!siteAddresses.Contains(instruction.IP32))
                CheckDisplaced(patch, instruction, patch.TrampolineAddress + (uint)entry.Offset);
        }

        Instruction last = Displaced(patch).Last();
        uint codeEnd = last.NextIP32;
        if (last.FlowControl is FlowControl.Next or FlowControl.ConditionalBranch)
        {
            TrampolineMapEntry back = patch.Map[^1];
            Assert.Equal((codeEnd, true), (back.GuestAddress, back.IsRestart));
            Assert.Equal(codeEnd, At(patch, patch.TrampolineAddress + (uint)back.Offset).NearBranch32);
        }
    }

    private void CheckDisplaced(Patch patch, Instruction original, uint address)
    {
        Instruction copy = At(patch, address);
        switch (original.FlowControl)
        {
            case FlowControl.ConditionalBranch when original.IsJccShortOrNear:
                Assert.Equal(original.ConditionCode, copy.ConditionCode);
                CheckTarget(patch, original, copy);
                break;
            case FlowControl.ConditionalBranch:
                Assert.Equal(original.Mnemonic, copy.Mnemonic);
                if (!IsInner(patch, original.NearBranch32))
                    CheckTarget(patch, original, At(patch, copy.NearBranch32));
                break;
            case FlowControl.UnconditionalBranch:
                CheckTarget(patch, original, copy);
                break;
            case FlowControl.Call:
                Assert.Equal((Mnemonic.Push, original.NextIP32), (copy.Mnemonic, copy.Immediate32));
                CheckTarget(patch, original, At(patch, copy.NextIP32));
                break;
            case FlowControl.IndirectCall when original.Op0Kind == OpKind.Register:
                Assert.Equal((Mnemonic.Push, original.NextIP32), (copy.Mnemonic, copy.Immediate32));
                Assert.Equal(original.Op0Register, At(patch, copy.NextIP32).Op0Register);
                break;
            case FlowControl.IndirectCall:
                Instruction load = At(patch, copy.NextIP32);
                Assert.Equal((original.MemoryBase, original.MemoryDisplacement32), (load.MemoryBase, load.MemoryDisplacement32));
                break;
            default:
                Assert.True(code.Bytes(original.IP32, original.Length).SequenceEqual(
                    patch.Trampoline.Span.Slice((int)(address - patch.TrampolineAddress), original.Length)), $"{original} is copied");
                break;
        }
    }

    // A branch leads to the guest's own target, or to the copy of it where that is displaced by the same patch.
    private static void CheckTarget(Patch patch, Instruction original, Instruction copy)
    {
        uint target = copy.NearBranch32;
        if (target >= patch.TrampolineAddress && target < patch.TrampolineAddress + (uint)patch.Trampoline.Length)
            target = patch.Map.First(entry => entry.Offset == (int)(copy.NearBranch32 - patch.TrampolineAddress) && entry.IsRestart).GuestAddress;
        Assert.Equal(original.NearBranch32, target);
    }

    private static bool IsInside(Patch patch, uint address) => address - patch.Address < (uint)patch.NewBytes.Length;

    private static bool IsInner(Patch patch, uint target) => target != patch.Address && IsInside(patch, target);

    private IEnumerable<Instruction> Displaced(Patch patch) =>
        code.Instructions.Where(instruction => instruction.IP32 >= patch.Address && instruction.IP32 < patch.Address + (uint)patch.NewBytes.Length);

    private static Instruction At(Patch patch, uint address) => Decode(patch.Trampoline.ToArray(), patch.TrampolineAddress, address);

    private static Instruction Decode(byte[] bytes, uint start, uint address) =>
        Decoder.Create(32, bytes[(int)(address - start)..], address).Decode();
}
