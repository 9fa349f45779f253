// What the interpreter fetches while a guest runs with patched code: it looks at each fetch, so that code is scanned when it is first
// executed and nothing has to trap for it.
using Rewriter.Patching;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Engines.Patched;

/// <summary>Patched copies as the code view of a <see cref="Cpu"/>, and the monitor window as its overlay while a shim runs.</summary>
internal sealed class FetchedCode(CodeCache cache, Cpu cpu, GuestMemory memory, WindowMemory window) : ICodeView, ILinearOverlay
{
    private const int RecentMask = 255;

    private readonly (uint Page, uint Frame, CodePage? Code)[] _recent = new (uint, uint, CodePage?)[RecentMask + 1];

    /// <summary>A shim runs: the window is there. Otherwise its place belongs to the guest.</summary>
    public bool IsInShim { get; set; }

    /// <summary>The next instruction is fetched from RAM, patched or not.</summary>
    public bool IsPlain { get; set; }

    public bool Covers(uint linear) => IsInShim && window.Covers(linear);

    public bool Permits(uint linear, AccessKind access, bool user) => window.Permits(linear, access, user);

    public Span<byte> Bytes(uint linear, int length) => window.Bytes(linear, length);

    public bool IsShim(uint linear) => !IsInShim && window.Covers(linear) && RunsPatchedCode;

    public ReadOnlySpan<byte> Page(uint linearPage, uint frame, int cpl)
    {
        uint eip = cpu.State.Eip;
        // The tail of an instruction from the page before is never patched where it is known to be one.
        if (IsPlain || (eip & ~0xFFFu) != linearPage || !RunsPatchedCode || Find(linearPage >> 12, frame, cpl == 3) is not CodePage code)
        {
            return default;
        }

        int offset = (int)(eip & 0xFFF);
        if (!code.IsStart(offset) && !code.IsPatched(offset, 1))
        {
            cache.Scan(code, offset, page => Following(page, cpl == 3));
        }

        bool isEntry = code.PatchAt(offset) is LivePatch live ? live.Patch.Address == eip : code.IsStart(offset);
        return isEntry ? code.Copy : default;
    }

    /// <summary>Translations have changed.</summary>
    public void Forget() => Array.Clear(_recent);

    /// <summary>Accounts for a store to a frame with copies: those that hold the bytes as code are dropped.</summary>
    public void Written(uint frame, int offset, int length)
    {
        int end = Math.Min(offset + length, CodePage.Size);
        ReadOnlySpan<byte> now = memory.FrameBytes(frame)[offset..end];
        foreach (CodePage code in cache.OfFrame(frame).ToArray())
        {
            if (!code.HoldsCode(offset, end - offset))
            {
                code.Update(offset, now);
                continue;
            }

            Forget();
            cache.Remove(code);
        }

        if (offset + length > CodePage.Size && frame + 1 < memory.FrameCount)
        {
            Written(frame + 1, 0, offset + length - CodePage.Size);
        }
    }

    /// <summary>Code that the direct engine would run natively; the rest it interprets, as it is in RAM.</summary>
    private bool RunsPatchedCode
    {
        get
        {
            VcpuState state = cpu.State;
            ref SegmentRegister code = ref state.Segments[(int)SegmentIndex.Cs];
            ref SegmentRegister stack = ref state.Segments[(int)SegmentIndex.Ss];
            return state.ProtectedMode && (state.Eflags & (FlagBits.Vm | FlagBits.Tf | FlagBits.Rf)) == 0 && (state.Dr7 & 0xFF) == 0
                && code.IsFlat && code.Is32Bit && stack.IsFlat && stack.Is32Bit;
        }
    }

    private CodePage? Find(uint page, uint frame, bool user)
    {
        ref (uint Page, uint Frame, CodePage? Code) recent = ref _recent[page & RecentMask];
        if (recent.Code is not null && recent.Page == page && recent.Frame == frame)
        {
            return recent.Code;
        }

        if (!cpu.TryTranslate(page << 12, AccessKind.Fetch, user, false, out PageTranslation translation, out _))
        {
            return null;
        }

        CodePage? code = CopyOf(page, translation);
        recent = (page, frame, code);
        return code;
    }

    private CodePage? Following(CodePage code, bool user)
        => cpu.TryTranslate((code.Key.Page + 1) << 12, AccessKind.Fetch, user, false, out PageTranslation translation, out _)
            ? CopyOf(code.Key.Page + 1, translation)
            : null;

    private CodePage? CopyOf(uint page, in PageTranslation translation)
    {
        ulong frame = translation.Physical >> 12;
        return frame < memory.FrameCount ? cache.GetOrAdd(new CodePageKey((uint)frame, page, cpu.State.PagingEnabled && translation.User)) : null;
    }
}
