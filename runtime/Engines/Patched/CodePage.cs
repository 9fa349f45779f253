// The patched copy of one guest code page, as it is seen at one linear address. Where the host processor executes it, bytes that are
// not known to be instructions are HLT in the copy, so that whatever was not scanned traps before it runs.
using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Patching;

namespace Runtime.Engines.Patched;

/// <summary>What a patched copy stands for.</summary>
/// <param name="Frame">Guest frame with the original bytes.</param>
/// <param name="Page">Linear page where the copy runs: jumps in it are relative.</param>
/// <param name="IsUser">Guest user mode can reach the page, so that its shims may not touch the window's data.</param>
internal readonly record struct CodePageKey(uint Frame, uint Page, bool IsUser);

/// <summary>A patch in force, and the page that it is in.</summary>
/// <param name="IsFromImage">It came with the image: its place in the window stays its own.</param>
internal sealed record LivePatch(CodePage Owner, Patch Patch, bool IsFromImage = false)
{
    /// <summary>It is more than a landing for another one's jump.</summary>
    public bool HasTrampoline => Patch.Trampoline.Length > 0;

    /// <summary>How often the guards of its displaced range were hit.</summary>
    public int GuardHits { get; set; }

    /// <summary>It was planned with the targets in its range known: there is no better one.</summary>
    public bool IsSecondPlan { get; set; }

    /// <summary>Offsets of branches in the page that lead straight to what it has displaced.</summary>
    public List<int> Redirected { get; } = [];

    /// <summary>Whether its short jump goes by way of another patch.</summary>
    public bool LandsIn(LivePatch other) => Patch.Landing != 0 && Patch.Landing - other.Patch.Address < (uint)other.Patch.NewBytes.Length;
}

/// <summary>One patched copy. It answers the planner's questions about its own instructions.</summary>
internal sealed class CodePage(CodePageKey key, int slot, byte[] original, Memory<byte> copy, bool trapsUnknown) : ICodeContext
{
    public const byte Trap = 0xF4;
    public const int Size = 4096;

    private const int Places = 8;

    private readonly PageBitmap _starts = new();
    private readonly PageBitmap _targets = new();
    private readonly PageBitmap _sharedTargets = new();
    private readonly PageBitmap _patched = new();
    private readonly PageBitmap _pinned = new();
    private readonly Dictionary<int, Instruction> _instructions = [];
    private readonly (uint Key, uint Address)[] _places = new (uint, uint)[Places];

    public CodePageKey Key => key;
    public int Slot => slot;
    public uint Address => key.Page << 12;

    /// <summary>Answers <see cref="ICodeContext.MirrorOf"/> for kernel code; null where nothing is mirrored.</summary>
    public Func<uint, uint?>? Mirrors { get; init; }

    public uint? MirrorOf(uint address) => key.IsUser ? null : Mirrors?.Invoke(address);

    /// <summary>The frame's bytes; stores to the frame are intercepted while this copy exists.</summary>
    public byte[] Original => original;

    /// <summary>What the guest executes.</summary>
    public Span<byte> Copy => copy.Span;

    /// <summary>Sensitive instructions of the page by offset, with their index in the site table.</summary>
    public Dictionary<int, int> Sites { get; } = [];

    /// <summary>Those of <see cref="Sites"/> that are not sensitive, but were taken over because they access devices.</summary>
    public HashSet<int> DeviceAccesses { get; } = [];

    public List<LivePatch> Patches { get; } = [];

    /// <summary>FPU, MMX and SSE instructions: traps while CR0.TS or CR0.EM is set.</summary>
    public List<(int Offset, int Length)> FpuInstructions { get; } = [];

    /// <summary>RDTSC that runs as it is: traps while the guest's counter is not the host's.</summary>
    public List<(int Offset, int Length)> TimeStampReads { get; } = [];

    /// <summary>Offset of the instruction that reaches into the next page, the first of several, or -1.</summary>
    public int CrossingOffset { get; set; } = -1;

    /// <summary>Bytes at the start that belong to an instruction of the page before.</summary>
    public int TailLength { get; set; }

    /// <summary>The frame that the crossing instruction was completed from.</summary>
    public uint CrossingFrame { get; set; }

    /// <summary>The crossing instruction is left to the interpreter: the next page is not the same in all address spaces.</summary>
    public bool IsCrossingBlocked { get; set; }

    public bool IsStart(int offset) => _starts[offset];

    public bool IsPatched(int offset, int length) => _patched.Any(offset, Math.Min(length, Size - offset));

    /// <summary>Records an instruction; its bytes stay traps until <see cref="Reveal"/>.</summary>
    public void AddInstruction(int offset, in Instruction instruction)
    {
        _starts.Set(offset);
        _instructions[offset] = instruction;
    }

    /// <summary>Puts original bytes into the copy, unless they would complete an instruction that opens protection keys: what holds a part of
    /// it is a trap then, and stays where it is.</summary>
    /// <returns>Whether they are there.</returns>
    public bool Reveal(int offset, int length)
    {
        original.AsSpan(offset, length).CopyTo(Copy[offset..]);
        return !HidesKeyInstructions(offset, length);
    }

    private bool HidesKeyInstructions(int offset, int length)
    {
        bool found = false;
        while (trapsUnknown && KeyInstructions.Find(Copy, offset, length, isEndKnown: offset == CrossingOffset) is int start and >= 0)
        {
            found = true;
            HideWhole(offset, length);
            for (int i = Math.Max(TailLength, start - 14); i < Math.Min(start + KeyInstructions.Length, Size); i++)
            {
                if (_instructions.TryGetValue(i, out Instruction instruction) && i + instruction.Length > start)
                {
                    HideWhole(i, Math.Min(instruction.Length, Size - i));
                }
            }
        }

        return found;
    }

    /// <summary>Hides bytes with the patches that they are part of: half a jump leads astray.</summary>
    private void HideWhole(int offset, int length)
    {
        for (int i = offset; i < offset + length; i++)
        {
            if (PatchAt(i) is LivePatch live)
            {
                Hide((int)(live.Patch.Address - Address), live.Patch.NewBytes.Length);
            }
        }

        Hide(offset, length);
        _pinned.Set(offset, length);
    }

    /// <summary>Puts traps into the copy, or, where unknown code need not trap, original bytes.</summary>
    public void Hide(int offset, int length)
    {
        if (trapsUnknown)
        {
            Copy.Slice(offset, length).Fill(Trap);
        }
        else
        {
            Reveal(offset, length);
        }
    }

    /// <summary>Takes over a store to the frame that changed nothing that is held as code.</summary>
    public void Update(int offset, ReadOnlySpan<byte> now)
    {
        now.CopyTo(original.AsSpan(offset));
        if (!trapsUnknown)
        {
            now.CopyTo(Copy[offset..]);
        }
    }

    /// <summary>Notes a branch to the offset, or that the guest has come there by one; a second one makes the target shared.</summary>
    public void AddTarget(int offset)
    {
        if (_targets[offset])
        {
            _sharedTargets.Set(offset);
        }

        _targets.Set(offset);
    }

    /// <summary>The page that the crossing instruction was completed from is gone, and with it what was revealed there: a trap, until it is
    /// executed and decoded anew.</summary>
    public void ForgetCrossing()
    {
        int offset = CrossingOffset;
        CrossingOffset = -1;
        Hide(offset, Size - offset);
        _starts.Clear(offset, Size - offset);
        for (int i = offset; i < Size; i++)
        {
            _instructions.Remove(i);
        }

        FpuInstructions.RemoveAll(entry => entry.Offset >= offset);
    }

    /// <summary>Whether any of the bytes belongs to a recorded instruction, or to one that begins in the page before.</summary>
    public bool HoldsCode(int offset, int length)
    {
        for (int i = Math.Max(0, offset - 14); i < offset + length; i++)
        {
            if (_instructions.TryGetValue(i, out Instruction instruction) && i + instruction.Length > offset)
            {
                return true;
            }
        }

        return _pinned.Any(offset, length) || _patched.Any(offset, length);
    }

    /// <summary>Instructions here must stay where they are.</summary>
    public void Pin(int offset, int length) => _pinned.Set(offset, Math.Min(length, Size - offset));

    public void Apply(LivePatch live)
    {
        _places.AsSpan().Clear();
        int offset = (int)(live.Patch.Address - Address);
        live.Patch.NewBytes.Span.CopyTo(Copy[offset..]);
        _patched.Set(offset, live.Patch.NewBytes.Length);
        Patches.Add(live);
        HidesKeyInstructions(offset, live.Patch.NewBytes.Length);
    }

    /// <summary>Takes a patch back: original bytes again, traps where the sites are.</summary>
    public void Remove(LivePatch live)
    {
        _places.AsSpan().Clear();
        Patches.Remove(live);
        int first = (int)(live.Patch.Address - Address), length = live.Patch.NewBytes.Length;
        _patched.Clear(first, length);
        foreach (int branch in live.Redirected)
        {
            _pinned.Clear(branch, _instructions[branch].Length);
            Reveal(branch, _instructions[branch].Length);
        }

        Hide(first, length);
        for (int offset = first; offset < first + length; offset++)
        {
            if (_instructions.TryGetValue(offset, out Instruction instruction) && !Sites.ContainsKey(offset))
            {
                Reveal(offset, instruction.Length);
            }
        }
    }

    /// <summary>Makes the page's branches to what a patch has displaced lead to where it is now, where they have room for the distance: for
    /// targets whose guards are hit often.</summary>
    public void Redirect(LivePatch live)
    {
        foreach ((int offset, Instruction branch) in _instructions)
        {
            if (branch.Code is not (Code.Jmp_rel32_32 or >= Code.Jo_rel32_32 and <= Code.Jg_rel32_32)
                || branch.NearBranch32 - live.Patch.Address >= (uint)live.Patch.NewBytes.Length
                || IsNeverDisplace(branch.IP32, branch.Length) || !Copy.Slice(offset, branch.Length).SequenceEqual(Bytes(branch.IP32, branch.Length)))
            {
                continue;
            }

            foreach (TrampolineMapEntry entry in live.Patch.Map)
            {
                if (entry.IsRestart && entry.GuestAddress == branch.NearBranch32 && entry.GuestAddress != live.Patch.Address)
                {
                    // The last four bytes are the distance.
                    uint distance = live.Patch.TrampolineAddress + (uint)entry.Offset - branch.NextIP32;
                    BinaryPrimitives.WriteUInt32LittleEndian(Copy[(offset + branch.Length - 4)..], distance);
                    live.Redirected.Add(offset);
                    Pin(offset, branch.Length);
                    HidesKeyInstructions(offset, branch.Length);
                    break;
                }
            }
        }
    }

    /// <summary>Remembers where execution goes on for an EIP in this page, until patches change.</summary>
    public void RememberPlace(uint eip, uint address) => _places[eip % Places] = ((eip & 0xFFF) + 1, address);

    public bool TryPlace(uint eip, out uint address)
    {
        (uint key, address) = _places[eip % Places];
        return key == (eip & 0xFFF) + 1;
    }

    /// <summary>The patch whose overwritten range holds an offset.</summary>
    public LivePatch? PatchAt(int offset)
    {
        if (!_patched[offset])
        {
            return null;
        }

        uint address = Address + (uint)offset;
        return Patches.Find(live => address - live.Patch.Address < (uint)live.Patch.NewBytes.Length);
    }

    /// <summary>The short jump that is on its way when the processor is stopped at an address, or null.</summary>
    public LivePatch? PassingAt(uint address) => _patched[(int)(address & 0xFFF)] ? Patches.Find(live => live.Patch.Landing == address) : null;

    public bool TryGetInstruction(uint address, out Instruction instruction)
    {
        instruction = default;
        return address >> 12 == key.Page && _instructions.TryGetValue((int)(address & 0xFFF), out instruction);
    }

    public bool TryGetPrevious(uint address, out Instruction previous)
    {
        for (uint length = 1; length <= 15; length++)
        {
            if (TryGetInstruction(address - length, out previous) && previous.Length == length)
            {
                return previous.FlowControl is not (FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return);
            }
        }

        previous = default;
        return false;
    }

    public bool IsTarget(uint address) => address >> 12 == key.Page && _targets[(int)(address & 0xFFF)];

    public bool IsSharedTarget(uint address) => address >> 12 == key.Page && _sharedTargets[(int)(address & 0xFFF)];

    public bool IsNeverDisplace(uint address, int length)
    {
        int offset = (int)(address - Address);
        return address < Address || offset + length > Size || _patched.Any(offset, length) || _pinned.Any(offset, length);
    }

    /// <summary>Filler between functions that nobody has executed: NOPs of all lengths, INT3, LEA of a register to itself.</summary>
    public bool IsPadding(uint address, int length)
    {
        int offset = (int)(address - Address), end = offset + length;
        if (address < Address || end > Size || HoldsCode(offset, length) || _patched.Any(offset, length))
        {
            return false;
        }

        while (offset < end)
        {
            var decoder = Decoder.Create(32, new ByteArrayCodeReader(original, offset, Math.Min(15, Size - offset)));
            decoder.Decode(out Instruction filler);
            if (decoder.LastError != DecoderError.None || !CodeMapContext.IsFiller(filler))
            {
                return false;
            }

            offset += filler.Length;
        }

        return true;
    }

    /// <summary>What would be a breakpoint for a guest that came there. In kernel code only: a user's may belong to a debugger.</summary>
    public bool IsTrapFiller(uint address, int length)
    {
        const byte int3 = 0xCC;
        int offset = (int)(address - Address);
        return !key.IsUser && address >= Address && offset + length <= Size && !original.AsSpan(offset, length).ContainsAnyExcept(int3) && !HoldsCode(offset, length);
    }

    public ReadOnlySpan<byte> Bytes(uint address, int length) => original.AsSpan((int)(address - Address), length);
}
