// Who may jump into a module's overwritten ranges is known: whatever names an address does so by a branch, a symbol or a relocation, since
// the loader could not adjust it otherwise. So nothing receives a jump into the middle, and nothing may lead there.
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Images.Elf.Objects;
using Rewriter.Patching;
using Rewriter.Scanning;

namespace Rewriter.Verification.Objects;

/// <summary>No branch, return, symbol, relocation or table entry of the rewritten object leads into a range behind its start; what the
/// kernel overwrites or compares is not in one at all.</summary>
sealed class ObjectTargets
{
    /// <summary>Sections whose entries begin with the address of code that the kernel overwrites, compares or knows by its address (asm:
    /// jump_label.h, static_call.h, alternative.h, ftrace.h, bug.h): how many relocations an entry has, the first being that address.</summary>
    static readonly Dictionary<string, int> _inPlace = new()
    {
        ["__jump_table"] = 3,
        [".static_call_sites"] = 2,
        [".altinstructions"] = 2,
        [".parainstructions"] = 1,
        [".smp_locks"] = 1,
        [".retpoline_sites"] = 1,
        [".return_sites"] = 1,
        [".call_sites"] = 1,
        [".ibt_endbr_seal"] = 1,
        ["__mcount_loc"] = 1,
    };

    readonly VerifiedImage _image;
    readonly LoadedObject _object;
    readonly CheckLog _log;

    ObjectTargets(VerifiedImage image, CheckLog log) => (_image, _object, _log) = (image, image.Object, log);

    public static void Run(VerifiedImage image, CheckLog log)
    {
        var check = new ObjectTargets(image, log);
        foreach (ImageSection section in image.Original.Sections.Where(s => s.IsExecutable && s.FileSize > 0))
        {
            check.CheckBranches(section);
        }

        foreach (Patch patch in image.Plan.Patches.Where(p => p.Trampoline.Length != 0))
        {
            check.CheckTrampoline(patch);
        }

        check.CheckRelocations();
        foreach (ElfObjectSymbol symbol in check._object.Before.Symbols.Where(s => s.IsNamed && s.Section != 0))
        {
            check.Require(symbol.Address, "a symbol");
        }

        foreach (SelfPatchedRange range in image.Map.SelfPatched)
        {
            check.CheckSelfPatched(range);
        }
    }

    void CheckBranches(ImageSection section)
    {
        foreach (Instruction instruction in _image.InstructionsOf(section))
        {
            // What moved is looked at where it is now; a redirected branch by EntryCheck.
            if (_image.PatchAt(instruction.IP) is null)
            {
                CheckBranch(instruction);
            }
        }
    }

    void CheckTrampoline(Patch patch)
    {
        foreach (Instruction instruction in VerifiedImage.Decode(patch.Trampoline, patch.TrampolineAddress))
        {
            CheckBranch(instruction);
        }
    }

    void CheckBranch(in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.NearBranch32 && IsInside(instruction.NearBranchTarget))
        {
            Fail(instruction.NearBranchTarget, $"{instruction.Mnemonic.ToString().ToLowerInvariant()} at {_image.PlaceOf(instruction.IP)}");
        }

        if (instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall && IsInside(instruction.NextIP))
        {
            Fail(instruction.NextIP, $"the call at {_image.PlaceOf(instruction.IP)} returns and");
        }

        _log.Count();
    }

    void CheckRelocations()
    {
        var ordinal = new Dictionary<int, int>();
        foreach (ElfObjectRelocation relocation in _object.After.Relocations.OrderBy(r => r.Section).ThenBy(r => r.Offset))
        {
            if (relocation.Section >= _object.Before.Sections.Count)
            {
                continue; // the section table's check has it
            }

            string section = _object.Before.Sections[relocation.Section].Name;
            bool isCode = _object.Before.Sections[relocation.Section].IsExecutable;
            uint named = _object.NamedBy(relocation);
            int index = ordinal[relocation.Section] = ordinal.GetValueOrDefault(relocation.Section, -1) + 1;
            if (isCode && relocation.Kind == RelocationKind.Relative32)
            {
                continue; // a branch, seen as such
            }

            Require(named, $"the relocation at {_image.PlaceOf(_object.PlaceOf(relocation))}");
            bool isKnownByAddress = _inPlace.TryGetValue(section, out int fields) && index % fields == 0;
            bool isBug = section == "__bug_table" && VerifiedImage.Decode(_image.BytesAt(named, 15), named).FirstOrDefault().Code == Code.Ud2;
            if ((isKnownByAddress || isBug) && _image.PatchAt(named) is not null && !IsReplacedWhole(named))
            {
                _log.Fail(named, $"{section} names it, so that the kernel looks for its bytes here, and they are overwritten");
            }
        }
    }

    /// <summary>Alternatives are not compared: all of their bytes are replaced at once, a patch of them included.</summary>
    bool IsReplacedWhole(ulong address) => _image.PatchAt(address) is { } patch
        && _image.Map.TryFindSelfPatched(patch.Address, patch.Address + (ulong)patch.NewBytes.Length, out SelfPatchedRange range)
        && IsReplacedWhole(range, patch);

    static bool IsReplacedWhole(in SelfPatchedRange range, Patch patch) =>
        range.Kind is SelfPatchKind.Alternative or SelfPatchKind.Paravirt
        && patch.Address >= range.Start && patch.Address + (ulong)patch.NewBytes.Length <= range.End;

    void CheckSelfPatched(in SelfPatchedRange range)
    {
        _log.Count();
        ulong start = range.Start, end = range.End;
        for (ulong at = start; at < end; at++)
        {
            if (_image.PatchAt(at) is { } patch && !IsReplacedWhole(range, patch))
            {
                _log.Fail(at, $"the kernel patches this itself ({range.Kind}), and it is overwritten");
                return;
            }
        }
    }

    void Require(ulong target, string what)
    {
        _log.Count();
        if (IsInside(target))
        {
            Fail(target, what);
        }
    }

    void Fail(ulong target, string what) =>
        _log.Fail(target, $"{what} leads into the range at {_image.PlaceOf(_image.PatchAt(target)!.Address)}, where nothing receives it");

    /// <summary>Behind the first byte of a range, or on padding that has become the second jump of another range.</summary>
    bool IsInside(ulong target) => _image.PatchAt(target) is { } patch
        && (patch.Address != target || (patch.Trampoline.Length == 0 && patch.Tactic != PatchTactic.Redirected));
}
