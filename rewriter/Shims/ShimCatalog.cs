// Which shim stands for which instruction: the table that the planner asks and the audit prints.
using Iced.Intel;
using Rewriter.Scanning;
using Runtime.Abi;

namespace Rewriter.Shims;

/// <summary>Writes a shim for one site.</summary>
/// <param name="siteIndex">What the gate is told.</param>
public delegate void ShimEmitter(StubAssembler stub, in Instruction instruction, int siteIndex);

/// <summary>A guest-side shim.</summary>
/// <param name="Name">As audits and plans name it; <see cref="ShimCatalog.GateName"/> for the one that always exits.</param>
/// <param name="IsInline">Whether it can finish without an exit.</param>
/// <param name="MayExit">Whether it can leave by the gate, so that the site needs a host-side shim too.</param>
public sealed record Shim(string Name, bool IsInline, bool MayExit, ShimEmitter Emit);

/// <summary>Maps sensitive instructions to shims. Total: what has no inline shim gets the gate.</summary>
/// <param name="userMode">For code that runs at the guest's CPL 3: gates only.</param>
/// <param name="isReplaced">Whether a function that a shim pack stands in for starts at an address.</param>
public sealed class ShimCatalog(bool userMode = false, Predicate<uint>? isReplaced = null)
{
    public const string GateName = "gate";

    /// <summary>For code that is loaded no one knows where, so that it cannot name the window: what traps by itself is only moved.</summary>
    public const string MovedName = "moved";

    /// <summary>The same for what does not trap by itself: it gets Xen's forced emulation prefix.</summary>
    public const string PrefixName = "emulate-prefix";

    private Func<uint, int, byte[]>? _bytesOf;

    /// <summary>The shims of code that carries its trampolines itself.</summary>
    /// <param name="bytesOf">The original bytes at an address.</param>
    public static ShimCatalog ForObjects(Func<uint, int, byte[]> bytesOf) => new() { _bytesOf = bytesOf };

    private static readonly Shim Gate = new(
        GateName, false, true, static (StubAssembler stub, in Instruction _, int index) => stub.EmitGate(index));

    private static readonly Shim Replaced = Gate with { Name = FunctionReplacement.ShimName };

    private static readonly Shim SystemCall = new(
        "system-call", true, true, static (StubAssembler stub, in Instruction i, int index) => stub.EmitSystemCall(i, index));

    private static readonly Dictionary<Code, Shim> Inline = InlineShims()
        .SelectMany(entry => entry.Codes.Select(code => (code, entry.Shim)))
        .ToDictionary(pair => pair.code, pair => pair.Shim);

    public bool UserMode => userMode;

    /// <summary>The shim for a sensitive instruction.</summary>
    public Shim Find(in Instruction instruction) => _bytesOf is not null ? FindForObjects(instruction) : userMode
        ? instruction.Code == Code.Int_imm8 ? SystemCall : Gate
        : isReplaced?.Invoke(instruction.IP32) == true ? Replaced
        : Inline.TryGetValue(instruction.Code, out Shim? shim) && Fits(instruction) ? shim : Gate;

    private Shim FindForObjects(in Instruction instruction)
    {
        bool traps = SensitivityTable.TryClassify(instruction, out SensitivityClass sensitivity) && sensitivity == SensitivityClass.Trapping;
        return new Shim(traps ? MovedName : PrefixName, true, false, (StubAssembler stub, in Instruction i, int _) =>
        {
            if (!traps)
                stub.Code.db(EmulatePrefix.Bytes.ToArray());
            stub.Code.db(_bytesOf!(i.IP32, i.Length));
        });
    }

    // A load of SS holds off interrupts and one from memory may fault late: both leave. CR0 and CR2 to CR4 are kept in WindowData; a LOCK
    // prefix or an address in a register form would be #UD, which the monitor raises.
    private static bool Fits(in Instruction instruction) => !instruction.HasLockPrefix
        && (instruction.Code is not (Code.Mov_Sreg_r32m16 or Code.Mov_Sreg_rm16)
            || instruction.Op1Kind == OpKind.Register
                && instruction.Op0Register is Register.DS or Register.ES or Register.FS or Register.GS)
        && (instruction.Code != Code.Out_imm8_AL || StubAssembler.CanPost(instruction.Immediate8))
        && (instruction.Code != Code.In_AL_imm8 || StubAssembler.IsInterruptMask(instruction.Immediate8))
        && (instruction.Code != Code.Mov_r32_cr || instruction.Op1Register is Register.CR0 or Register.CR2 or Register.CR3 or Register.CR4);

    private static IEnumerable<(Code[] Codes, Shim Shim)> InlineShims()
    {
        yield return ([Code.Cli], Plain("cli", static stub => stub.EmitCli()));
        yield return ([Code.Sti], new("sti", true, true, static (StubAssembler stub, in Instruction _, int index) => stub.EmitSti(index)));
        yield return ([Code.Pushfd], Plain("pushfd", static stub => stub.EmitPushfd()));
        yield return ([Code.Pushfw], Plain("pushfw", static stub => stub.EmitPushfw()));
        yield return ([Code.Popfd],
            new("popfd", true, true, static (StubAssembler stub, in Instruction _, int index) => stub.EmitPopfd(index)));
        yield return ([Code.Popfw],
            new("popfw", true, true, static (StubAssembler stub, in Instruction _, int index) => stub.EmitPopfw(index)));
        yield return ([Code.Mov_r32m16_Sreg, Code.Mov_rm16_Sreg],
            Field("read-selector", static (in Instruction i) => SelectorField(i.Op1Register)));
        yield return ([Code.Pushd_ES, Code.Pushd_CS, Code.Pushd_SS, Code.Pushd_DS, Code.Pushd_FS, Code.Pushd_GS],
            new("push-selector", true, false, static (StubAssembler stub, in Instruction i, int _) =>
                stub.EmitPushSelector32(i, SelectorField(i.Op0Register))));
        yield return ([Code.Pushw_ES, Code.Pushw_CS, Code.Pushw_SS, Code.Pushw_DS, Code.Pushw_FS, Code.Pushw_GS],
            new("push-selector-word", true, false, static (StubAssembler stub, in Instruction i, int _) =>
                stub.EmitPushField16(SelectorField(i.Op0Register))));
        yield return ([Code.Mov_r32_cr],
            Field("read-control-register", static (in Instruction i) => MonitorWindow.Data.Cr0 + ControlSlot(i.Op1Register)));
        yield return ([Code.Smsw_r32m16, Code.Smsw_rm16], Field("smsw", static (in Instruction _) => MonitorWindow.Data.Cr0));
        yield return ([Code.Sldt_r32m16, Code.Sldt_rm16], Field("sldt", static (in Instruction _) => MonitorWindow.Data.Ldtr));
        yield return ([Code.Str_r32m16, Code.Str_rm16], Field("str", static (in Instruction _) => MonitorWindow.Data.Tr));
        yield return ([Code.Sgdt_m1632],
            new("sgdt", true, false, static (StubAssembler stub, in Instruction i, int _) =>
                stub.EmitStoreTableRegister(i, MonitorWindow.Data.Gdtr)));
        yield return ([Code.Sidt_m1632],
            new("sidt", true, false, static (StubAssembler stub, in Instruction i, int _) =>
                stub.EmitStoreTableRegister(i, MonitorWindow.Data.Idtr)));
        yield return ([Code.Rdtsc], Plain("rdtsc", static stub => stub.EmitRdtsc()));
        yield return ([Code.Mov_Sreg_r32m16, Code.Mov_Sreg_rm16], new("load-selector", true, true,
            static (StubAssembler stub, in Instruction i, int index) => stub.EmitLoadSelector(i.Op0Register, i.Op1Register, index)));
        yield return ([Code.Popd_ES, Code.Popd_DS, Code.Popd_FS, Code.Popd_GS], new("pop-selector", true, true,
            static (StubAssembler stub, in Instruction i, int index) => stub.EmitPopSelector(i.Op0Register, index)));
        yield return ([Code.Verw_r32m16, Code.Verw_rm16], new("verify-for-writing", true, true,
            static (StubAssembler stub, in Instruction i, int index) => stub.EmitVerifyForWriting(i, index)));
        yield return ([Code.Iretd], new("interrupt-return", true, true, static (StubAssembler stub, in Instruction _, int index) => stub.EmitInterruptReturn(index)));
        yield return ([Code.Out_imm8_AL], new("post-write", true, true, static (StubAssembler stub, in Instruction i, int index) => stub.EmitPostedWrite(i.Immediate8, index)));
        yield return ([Code.In_AL_imm8], new("read-interrupt-mask", true, true,
            static (StubAssembler stub, in Instruction i, int index) => stub.EmitReadInterruptMask(i.Immediate8, index)));
        yield return ([Code.Wbinvd, Code.Wbnoinvd], Plain("nothing", static stub => stub.EmitNothing()));
    }

    private delegate uint FieldOffset(in Instruction instruction);

    private static Shim Plain(string name, Action<StubAssembler> emit) =>
        new(name, true, false, (StubAssembler stub, in Instruction _, int _) => emit(stub));

    // A field of WindowData goes where the instruction's first operand says.
    private static Shim Field(string name, FieldOffset field) =>
        new(name, true, false, (StubAssembler stub, in Instruction instruction, int _) =>
    {
        if (instruction.Op0Kind == OpKind.Memory)
            stub.EmitStoreField16(instruction, field(instruction));
        else if (instruction.Op0Register.GetSize() == 4)
            stub.EmitReadField32(instruction.Op0Register, field(instruction));
        else
            stub.EmitReadField16(instruction.Op0Register, field(instruction));
    });

    private static uint SelectorField(Register register) => MonitorWindow.Data.Selectors + 4 * (uint)(register - Register.ES);

    // There is no CR1: the slots are CR0, CR2, CR3, CR4.
    private static uint ControlSlot(Register register) => register == Register.CR0 ? 0 : 4 * (uint)(register - Register.CR1);
}
