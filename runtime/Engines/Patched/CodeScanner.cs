// Scans code at run time, page by page, from the addresses that the guest really executes: recursive descent inside the page.
using Iced.Intel;
using Rewriter.Scanning;

namespace Runtime.Engines.Patched;

/// <summary>Gives the page that follows in the linear address space, completed as a patched copy, or null while it is not mapped.</summary>
internal delegate CodePage? NextPage(CodePage page);

/// <summary>Where RDTSC is not taken over while what the host would show is what the guest would see.</summary>
internal enum NativeTimeStamps
{
    Nowhere,
    InUserMode,
    Everywhere,
}

/// <summary>Records the instructions that can be reached from an address inside a page and reveals those that are harmless.</summary>
/// <param name="returned">Knows the functions that shims stand in for.</param>
internal sealed class CodeScanner(ReturnedSites returned)
{
    private readonly Stack<int> _work = new();

    /// <summary>Whether FPU instructions are to trap (CR0.TS or CR0.EM).</summary>
    public bool FpuTraps { get; set; }

    /// <summary>Which RDTSC may run as it is while the guest's counter is the host's: none, those of user mode, or all.</summary>
    public NativeTimeStamps NativeTimeStamps { get; set; }

    /// <summary>Whether RDTSC is to trap for now even there (a counter with an offset, CR4.TSD).</summary>
    public bool TimeStampTraps { get; set; }

    /// <summary>Scans from an offset that the guest is about to execute.</summary>
    /// <param name="found">Receives the sensitive instructions met for the first time; their bytes stay traps.</param>
    public void Scan(CodePage page, int from, NextPage next, List<SensitiveInstruction> found)
    {
        page.AddTarget(from);
        _work.Push(from);
        while (_work.TryPop(out int offset))
        {
            Descend(page, offset, next, found);
        }
    }

    private void Descend(CodePage page, int offset, NextPage next, List<SensitiveInstruction> found)
    {
        Span<byte> window = stackalloc byte[30];
        while (offset < CodePage.Size && !page.IsStart(offset) && !page.IsPatched(offset, 1))
        {
            if (!TryDecode(page, offset, next, window, out Instruction instruction, out bool crosses))
            {
                return;
            }

            int length = instruction.Length;
            if (page.IsPatched(offset, length))
            {
                return;
            }

            page.AddInstruction(offset, instruction);
            Admit(page, offset, instruction, crosses, found);
            if (HasNearTarget(instruction, page, out int target))
            {
                page.AddTarget(target);
                _work.Push(target);
            }

            // A breakpoint may stand on the first byte of a longer instruction while a kernel patches it: what follows need not be code.
            if (instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return or FlowControl.Exception
                || instruction.Code == Code.Int3)
            {
                return;
            }

            offset += length;
        }
    }

    private void Admit(CodePage page, int offset, in Instruction instruction, bool crosses, List<SensitiveInstruction> found)
    {
        int inside = Math.Min(instruction.Length, CodePage.Size - offset);
        if (instruction.Code == Code.Rdtsc && !crosses && MayStayNative(page))
        {
            page.Pin(offset, inside);
            page.TimeStampReads.Add((offset, inside));
            if (!TimeStampTraps)
            {
                page.Reveal(offset, inside);
            }

            return;
        }

        bool isReplaced = !page.Key.IsUser && returned.TryFindFunction(instruction.IP32, out _);
        if (SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity) || isReplaced)
        {
            // One that reaches into the next page stays a trap: no jump fits, and the interpreter reads both pages.
            if (!crosses)
            {
                found.Add(new SensitiveInstruction(instruction, page.Original.AsMemory(offset, instruction.Length),
                    isReplaced ? SensitivityClass.Replaced : sensitivity, SiteConfidence.High, "", null));
            }

            return;
        }

        if (IsFpu(instruction))
        {
            page.Pin(offset, inside);
            page.FpuInstructions.Add((offset, inside));
            if (FpuTraps)
            {
                return;
            }
        }

        page.Reveal(offset, inside);
    }

    private bool MayStayNative(CodePage page)
        => NativeTimeStamps == NativeTimeStamps.Everywhere || (NativeTimeStamps == NativeTimeStamps.InUserMode && page.Key.IsUser);

    /// <summary>Decodes at an offset, with the first bytes of the next page where needed; completes that page when the instruction crosses.</summary>
    private static bool TryDecode(CodePage page, int offset, NextPage next, Span<byte> window, out Instruction instruction, out bool crosses)
    {
        crosses = false;
        int here = Math.Min(15, CodePage.Size - offset);
        page.Original.AsSpan(offset, here).CopyTo(window);
        if (TryDecode(window[..here], page.Address + (uint)offset, out instruction))
        {
            return true;
        }

        if (here == 15 || page.IsCrossingBlocked || next(page) is not CodePage following)
        {
            return false;
        }

        following.Original.AsSpan(0, 15).CopyTo(window[here..]);
        if (!TryDecode(window[..(here + 15)], page.Address + (uint)offset, out instruction) || instruction.Length <= here)
        {
            return false;
        }

        int tail = instruction.Length - here;
        if (following.IsPatched(0, tail) || KeyInstructions.AreIn(window[..instruction.Length]))
        {
            return false;
        }

        following.TailLength = Math.Max(following.TailLength, tail);
        if (!SensitivityTable.TryClassify(instruction, out _) && !following.Reveal(0, tail))
        {
            return false;
        }

        crosses = true;
        page.CrossingOffset = page.CrossingOffset < 0 ? offset : Math.Min(page.CrossingOffset, offset);
        page.CrossingFrame = following.Key.Frame;
        page.Pin(offset, here);
        following.Pin(0, tail);
        return true;
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, uint address, out Instruction instruction)
    {
        var decoder = Decoder.Create(32, new ByteArrayCodeReader(bytes.ToArray()), address);
        decoder.Decode(out instruction);
        if (instruction.Code == Code.Ud2 && EmulatePrefix.TryDecode(bytes, address, out Instruction prefixed))
        {
            instruction = prefixed;
        }

        return decoder.LastError == DecoderError.None;
    }

    private static bool HasNearTarget(in Instruction instruction, CodePage page, out int offset)
    {
        bool isDirect = instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch or FlowControl.Call
            && instruction.Op0Kind == OpKind.NearBranch32;
        uint target = isDirect ? instruction.NearBranch32 : 0;
        offset = (int)(target & 0xFFF);
        return isDirect && target >> 12 == page.Key.Page;
    }

    /// <summary>Instructions that CR0.TS or CR0.EM makes raise #NM (SDM vol. 3, 2.5); FWAIT among them.</summary>
    private static bool IsFpu(in Instruction instruction)
    {
        OpCodeInfo code = instruction.OpCode;
        foreach (CpuidFeature feature in instruction.CpuidFeatures)
        {
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX or CpuidFeature.SSE or CpuidFeature.SSE2
                or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 or CpuidFeature.FXSR)
            {
                // Prefetches, fences, CLFLUSH, MOVNTI and PAUSE carry SSE's name but touch no register of it.
                return code.Mnemonic is not (Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2 or Mnemonic.Sfence
                    or Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Movnti or Mnemonic.Pause or Mnemonic.Clflush);
            }
        }

        return false;
    }
}
