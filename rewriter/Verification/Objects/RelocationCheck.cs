// Loaded at one place, a module may look right by accident. That it is right wherever it is loaded follows from its relocations: each of
// the original's is still there, of the same type and symbol, with the same addend, at the place where its field is now.
using Iced.Intel;
using Rewriter.Images.Elf.Objects;
using Rewriter.Patching;

namespace Rewriter.Verification.Objects;

/// <summary>Says of each relocation of the original where it has to be now, and compares.</summary>
sealed class RelocationCheck
{
    const uint Absolute32 = 1; // R_386_32
    const int ExceptionEntrySize = 12; // insn, fixup, data (asm/extable.h)

    readonly VerifiedImage _image;
    readonly LoadedObject _object;
    readonly CheckLog _log;
    readonly Dictionary<uint, List<ElfObjectRelocation>> _found;

    RelocationCheck(VerifiedImage image, CheckLog log)
    {
        (_image, _object, _log) = (image, image.Object, log);
        _found = _object.After.Relocations.GroupBy(r => _object.PlaceOf(r)).ToDictionary(g => g.Key, g => g.ToList());
    }

    public static void Run(VerifiedImage image, CheckLog log) => new RelocationCheck(image, log).Compare();

    void Compare()
    {
        foreach (ElfObjectRelocation relocation in _object.Before.Relocations)
        {
            _log.Count();
            uint field = _object.PlaceOf(relocation);
            if (_object.Before.Sections[relocation.Section].IsExecutable && _image.PatchAt(field) is { } patch)
            {
                ExpectMoved(relocation, patch, field);
            }
            else if (_object.Before.Sections[relocation.Section].Name == "__ex_table" && relocation.Kind == RelocationKind.Relative32)
            {
                ExpectException(relocation, field);
            }
            else
            {
                Expect(relocation, field, relocation.Addend);
            }
        }

        foreach (Patch patch in _image.Plan.Patches)
        {
            ExpectReturnAddress(patch);
        }

        foreach ((uint place, List<ElfObjectRelocation> extra) in _found)
        {
            extra.ForEach(_ => _log.Fail(place, "a relocation that nothing of the original asks for"));
        }
    }

    /// <summary>A field moves with its instruction, whose copy ends as it does.</summary>
    void ExpectMoved(in ElfObjectRelocation relocation, Patch patch, uint field)
    {
        if (patch.Tactic == PatchTactic.Redirected)
        {
            // The branch stays and leads further on in the section that it led to: a distance that no placing changes.
            uint distance = Word(patch.NewBytes, field - patch.Address) - Word(patch.OriginalBytes, field - patch.Address);
            bool isWithin = _object.Before.Symbols[relocation.Symbol].Section == relocation.Section && relocation.Kind == RelocationKind.Relative32;
            _log.Require(isWithin, field, "a branch that is relocated to another section is led elsewhere");
            Expect(relocation, field, (int)((uint)relocation.Addend + distance));
            return;
        }

        List<TrampolineMapEntry> restarts = [.. patch.Map.Where(entry => entry.IsRestart)];
        int index = restarts.FindLastIndex(entry => entry.GuestAddress <= field);
        Instruction original = index < 0 ? default
            : VerifiedImage.Decode(_image.BytesAt(restarts[index].GuestAddress, 15), restarts[index].GuestAddress).FirstOrDefault();
        if (original.Length == 0 || field + 4 > original.NextIP32)
        {
            _log.Fail(field, "a relocated field is overwritten, and no instruction that moved has it");
            return;
        }

        int end = index + 1 < restarts.Count ? restarts[index + 1].Offset : patch.Trampoline.Length;
        Expect(relocation, patch.TrampolineAddress + (uint)end - (original.NextIP32 - field), relocation.Addend);
    }

    /// <summary>The kernel looks up where an instruction faulted, and goes on at the fix-up: both as they are now.</summary>
    void ExpectException(in ElfObjectRelocation relocation, uint field)
    {
        uint named = _object.NamedBy(relocation);
        bool isFaulting = relocation.Offset % ExceptionEntrySize == 0;
        uint now = named;
        if (_image.PatchAt(named) is { } patch && (isFaulting || patch.Address != named))
        {
            TrampolineMapEntry copy = patch.Map.FirstOrDefault(entry => entry.IsRestart && entry.GuestAddress == named);
            bool stays = copy.GuestAddress != named || patch.Trampoline.Length == 0;
            _log.Require(!stays, named, "the exception table names it, and it is overwritten without a copy");
            now = stays ? named : patch.TrampolineAddress + (uint)copy.Offset;
            bool isWithin = _object.Before.Symbols[relocation.Symbol].Section == _object.CodeSectionAt(now);
            _log.Require(isWithin, field, "an entry of the exception table is led into a section that its symbol does not belong to");
        }

        Expect(relocation, field, (int)((uint)relocation.Addend + (now - named)));
    }

    /// <summary>The PUSH of a displaced call: the one relocation that is new.</summary>
    void ExpectReturnAddress(Patch patch)
    {
        foreach (TrampolineMapEntry entry in patch.Map.Where(e => e.IsRestart && e.GuestAddress - patch.Address < (uint)patch.NewBytes.Length))
        {
            Instruction original = VerifiedImage.Decode(_image.BytesAt(entry.GuestAddress, 15), entry.GuestAddress).FirstOrDefault();
            if (original.FlowControl is not (FlowControl.Call or FlowControl.IndirectCall) || _image.SiteAt(entry.GuestAddress) is not null)
            {
                continue;
            }

            uint field = patch.TrampolineAddress + (uint)entry.Offset + 1; // push imm32
            _log.Count();
            bool isThere = Take(field, out ElfObjectRelocation found)
                && found.Type == Absolute32 && _object.NamedBy(found) == original.NextIP32
                && _object.Before.Symbols[found.Symbol].Section == _object.CodeSectionAt(original.IP32);
            _log.Require(isThere, field, $"the call at {_image.PlaceOf(entry.GuestAddress)} moved, and its return address is not relocated to what follows it");
        }
    }

    void Expect(in ElfObjectRelocation wanted, uint place, long addend)
    {
        if (!Take(place, out ElfObjectRelocation found))
        {
            _log.Fail(place, $"the relocation of {_image.PlaceOf(_object.PlaceOf(wanted))} is gone");
        }
        else if (found.Type != wanted.Type || found.Symbol != wanted.Symbol || found.Addend != addend)
        {
            _log.Fail(place, $"relocation {Describe(found.Type, found.Symbol, found.Addend)} instead of {Describe(wanted.Type, wanted.Symbol, addend)}");
        }
    }

    string Describe(uint type, int symbol, long addend) =>
        $"type {type} of symbol {symbol} {(symbol < _object.Before.Symbols.Count ? _object.Before.Symbols[symbol].Name : "")} {addend:+0;-0}";

    bool Take(uint place, out ElfObjectRelocation found)
    {
        found = default;
        if (!_found.TryGetValue(place, out List<ElfObjectRelocation>? here) || here.Count == 0)
        {
            return false;
        }

        found = here[0];
        here.RemoveAt(0);
        return true;
    }

    static uint Word(ReadOnlyMemory<byte> bytes, uint at) =>
        at + 4 <= (uint)bytes.Length ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[(int)at..]) : 0;
}
