using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;

namespace Rewriter.Verification;

/// <summary>Decodes what was put into each range: where it leads, and what happens to a jump into its middle.</summary>
static class EntryCheck
{
    const byte CsPrefix = 0x2E;

    const uint PageSize = 4096;

    /// <summary>Whether the code at an offset raises an exception in ring 3 with IOPL 0, at its own address, with nothing changed.</summary>
    static bool Traps(Patch patch, int offset)
    {
        ReadOnlySpan<byte> code = patch.NewBytes.Span[offset..];
        bool endsPage = (patch.Address + (uint)offset + 1) % PageSize == 0; // an operand on the next page might fault first
        return code[0] switch
        {
            0x6C or 0x6D or 0x6E or 0x6F => true, // ins, outs (SDM vol. 1, 19.5.1)
            0xE4 or 0xE5 or 0xE6 or 0xE7 => !endsPage, // in, out with an immediate port
            0xEC or 0xED or 0xEE or 0xEF or 0xF4 or 0xFA or 0xFB => true, // in, out, hlt, cli, sti (SDM vol. 3, 5.9)
            0xFF => !endsPage && code.Length > 1 && (code[1] & 0x38) == 0x38, // group 5 has no seventh member (SDM vol. 2, table A-6)
            _ => false,
        };
    }

    public static void Run(VerifiedImage image, CheckLog log)
    {
        ulong end = 0;
        foreach (Patch patch in image.Plan.Patches)
        {
            log.Count();
            log.Require(patch.Address >= end, patch.Address, "overlaps the patch before it");
            end = patch.Address + (ulong)patch.NewBytes.Length;
            CheckEntry(image, patch, log);
            if (image.HasWindow)
            {
                CheckGuards(patch, log);
            }

            CheckFiller(image, patch, log);
        }

        if (image.HasWindow)
        {
            CheckTrampolinePlaces(image, log);
        }
        else
        {
            CheckPlacesInSections(image, log);
        }

        foreach (PlannedSite site in image.Plan.Sites)
        {
            Patch? patch = image.PatchAt(site.Site.Address);
            bool isServed = patch is not null && (patch.Trampoline.Length != 0 || patch.Tactic == PatchTactic.Trap);
            log.Require(isServed == (site.Tactic != PatchTactic.Leave), site.Site.Address,
                isServed ? "is said to be left, and a patch covers it" : "is said to be patched, and no patch serves it");
        }
    }

    static void CheckEntry(VerifiedImage image, Patch patch, CheckLog log)
    {
        if (patch.Trampoline.Length == 0)
        {
            if (patch.Tactic == PatchTactic.Redirected && !image.HasWindow)
            {
                log.Require(IsRedirected(image, patch), patch.Address, "is not the original's branch, led to where its target is now");
                return;
            }

            // A trap, or the second jump of another patch, which that one answers for.
            bool isTrap = image.HasWindow && patch.NewBytes.Span is [0xF4] && patch.Tactic == PatchTactic.Trap;
            bool isLanding = image.Landings.Contains(patch.Address);
            log.Require(isTrap || isLanding, patch.Address, "is neither a trap nor reached by any jump");
            return;
        }

        uint target = patch.Landing == 0 ? patch.TrampolineAddress : patch.Landing;
        log.Require(JumpTarget(patch.NewBytes.Span, patch.Address) == target, patch.Address, $"does not jump to 0x{target:x8}");
        if (patch.Landing != 0)
        {
            Patch? landing = image.PatchAt(patch.Landing);
            bool leads = landing is not null
                && JumpTarget(landing.NewBytes.Span[(int)(patch.Landing - landing.Address)..], patch.Landing) == patch.TrampolineAddress;
            log.Require(leads, patch.Landing, $"is where 0x{patch.Address:x8} goes through, and does not jump to its trampoline");
        }
    }

    /// <summary>The same branch, with a distance of four bytes, to the copy of the instruction that it led to.</summary>
    static bool IsRedirected(VerifiedImage image, Patch patch)
    {
        Instruction original = VerifiedImage.Decode(patch.OriginalBytes, patch.Address).First();
        Instruction now = VerifiedImage.Decode(patch.NewBytes, patch.Address).First();
        return original.Op0Kind == OpKind.NearBranch32 && original.Length == patch.NewBytes.Length && now.Length == original.Length && now.Code == original.Code
            && patch.NewBytes.Span[..^4].SequenceEqual(patch.OriginalBytes.Span[..^4])
            && image.PatchAt(original.NearBranch32) is { } over
            && over.Map.Any(m => m.IsRestart && m.GuestAddress == original.NearBranch32 && over.TrampolineAddress + (uint)m.Offset == now.NearBranch32);
    }

    /// <summary>Where a direct jump leads, CS prefixes aside; null if there is none.</summary>
    static uint? JumpTarget(ReadOnlySpan<byte> code, uint address)
    {
        while (code is [CsPrefix, ..])
        {
            code = code[1..];
            address++;
        }

        Instruction jump = VerifiedImage.Decode(code.ToArray(), address).First();
        return jump.Code is Code.Jmp_rel32_32 or Code.Jmp_rel8_32 ? jump.NearBranch32 : null;
    }

    /// <summary>Every instruction that began inside the range has a trap at its first byte now.</summary>
    static void CheckGuards(Patch patch, CheckLog log)
    {
        if (patch.Trampoline.Length == 0)
        {
            return;
        }

        foreach (TrampolineMapEntry entry in patch.Map.Where(e => e.IsRestart && e.GuestAddress - patch.Address < (uint)patch.NewBytes.Length))
        {
            int offset = (int)(entry.GuestAddress - patch.Address);
            log.Require(offset == 0 || Traps(patch, offset), entry.GuestAddress,
                "an instruction began here, and its first byte does not trap now");
        }
    }

    /// <summary>Behind the jump there is nothing but traps, and the jumps of those that go through here.</summary>
    static void CheckFiller(VerifiedImage image, Patch patch, CheckLog log)
    {
        if (patch.Trampoline.Length == 0)
        {
            return;
        }

        int prefixes = patch.NewBytes.Span.IndexOfAnyExcept(CsPrefix);
        int jump = patch.NewBytes.Span[prefixes..] is [0xEB, ..] ? 2 : 5;
        for (int offset = prefixes + jump; offset < patch.NewBytes.Length; offset++)
        {
            uint address = patch.Address + (uint)offset;
            bool isLanding = image.Landings.Any(landing => address - landing < 5);
            log.Require(isLanding || Traps(patch, offset), address, "is behind the jump, and neither a trap nor the way of another");
        }
    }

    /// <summary>Of an object: behind the code of the range's own section, within what the section holds now, and apart.</summary>
    static void CheckPlacesInSections(VerifiedImage image, CheckLog log)
    {
        ulong end = 0;
        foreach (Patch patch in image.Plan.Patches.Where(p => p.Trampoline.Length != 0).OrderBy(p => p.TrampolineAddress))
        {
            int section = image.Object.CodeSectionAt(patch.Address);
            ulong code = image.Object.AddressOf(section);
            ulong last = patch.TrampolineAddress + (ulong)patch.Trampoline.Length;
            log.Require(patch.TrampolineAddress >= end, patch.TrampolineAddress, "the trampoline overlaps another");
            log.Require(section != 0 && patch.TrampolineAddress >= code + image.Object.Before.Sections[section].Size
                && last <= code + (ulong)image.Object.Bytes(section).Length, patch.TrampolineAddress, "the trampoline does not lie behind the code of its section");
            end = last;
        }
    }

    static void CheckTrampolinePlaces(VerifiedImage image, CheckLog log)
    {
        ulong end = image.Plan.WindowBase + (ulong)MonitorWindow.TrampolineOffset;
        foreach (Patch patch in image.Plan.Patches.Where(p => p.Trampoline.Length != 0).OrderBy(p => p.TrampolineAddress))
        {
            log.Require(patch.TrampolineAddress >= end, patch.TrampolineAddress, "the trampoline overlaps another, or lies before the window");
            end = patch.TrampolineAddress + (ulong)patch.Trampoline.Length;
        }

        log.Require(end <= image.Plan.WindowBase + (ulong)MonitorWindow.Size, end, "the trampolines do not fit into the window");
    }
}
