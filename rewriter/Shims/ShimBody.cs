// The host-side half of the shim catalogue: the C# expression that performs an instruction when its site leaves by the gate.
using Iced.Intel;

namespace Rewriter.Shims;

/// <summary>Turns a sensitive instruction into a call on <c>IShimContext</c>. Total: what has no member is left to the
/// interpreter.</summary>
public static class ShimBody
{
    public const string Emulate = "vcpu.Emulate()";

    /// <summary>An expression statement without the semicolon, over a parameter named <c>vcpu</c>.</summary>
    public static string Of(in Instruction instruction) => Find(instruction) ?? Emulate;

    private static string? Find(in Instruction i) => i.HasLockPrefix ? null : i.Mnemonic switch
    {
        Mnemonic.Cli => "vcpu.ClearInterruptFlag()",
        Mnemonic.Sti => "vcpu.SetInterruptFlag()",
        Mnemonic.Hlt => "vcpu.Halt()",
        Mnemonic.Clts => "vcpu.ClearTaskSwitched()",
        Mnemonic.Wbinvd or Mnemonic.Invd => "vcpu.FlushCaches()",
        Mnemonic.Rdmsr => "vcpu.ReadMsr()",
        Mnemonic.Wrmsr => "vcpu.WriteMsr()",
        Mnemonic.Rdtsc => "vcpu.ReadTimeStamp()",
        Mnemonic.Rdtscp => "vcpu.ReadTimeStampAndProcessor()",
        Mnemonic.Cpuid => "vcpu.Cpuid()",
        Mnemonic.Iret => "vcpu.ReturnFromInterrupt(2)",
        Mnemonic.Iretd => "vcpu.ReturnFromInterrupt(4)",
        Mnemonic.Int => $"vcpu.SoftwareInterrupt(0x{i.Immediate8:x2})",
        Mnemonic.Pushf => "vcpu.PushFlags(2)",
        Mnemonic.Pushfd => "vcpu.PushFlags(4)",
        Mnemonic.Popf => "vcpu.PopFlags(2)",
        Mnemonic.Popfd => "vcpu.PopFlags(4)",
        Mnemonic.In => In(i),
        Mnemonic.Out => Out(i),
        Mnemonic.Mov => Move(i),
        Mnemonic.Push => Push(i),
        Mnemonic.Pop => Pop(i),
        Mnemonic.Invlpg => WithAddress(i, "InvalidatePage"),
        Mnemonic.Lgdt => WithAddress(i, "LoadGdtr", ", 4", i.Code == Code.Lgdt_m1632),
        Mnemonic.Lidt => WithAddress(i, "LoadIdtr", ", 4", i.Code == Code.Lidt_m1632),
        Mnemonic.Sgdt => WithAddress(i, "StoreGdtr", "", i.Code == Code.Sgdt_m1632),
        Mnemonic.Sidt => WithAddress(i, "StoreIdtr", "", i.Code == Code.Sidt_m1632),
        Mnemonic.Lldt => WithSelector(i, "LoadLdtr"),
        Mnemonic.Ltr => WithSelector(i, "LoadTaskRegister"),
        Mnemonic.Verr => WithSelector(i, "VerifyForReading"),
        Mnemonic.Verw => WithSelector(i, "VerifyForWriting"),
        Mnemonic.Lmsw => WithSelector(i, "LoadMachineStatusWord"),
        Mnemonic.Sldt => OperandText.Store(i, 0, "vcpu.ReadLdtr()", 2),
        Mnemonic.Str => OperandText.Store(i, 0, "vcpu.ReadTaskRegister()", 2),
        Mnemonic.Smsw => OperandText.Store(i, 0, $"{(i.Op0Register.GetSize() == 4 ? "" : "(ushort)")}vcpu.ReadMachineStatus()", 2),
        _ => null,
    };

    private static string? In(in Instruction i)
    {
        int size = i.Op0Register.GetSize();
        string cast = size switch { 1 => "(byte)", 2 => "(ushort)", _ => "" };
        return $"{OperandText.Register(i.Op0Register)} = {cast}vcpu.In({Port(i, 1)}, {size})";
    }

    private static string? Out(in Instruction i) =>
        $"vcpu.Out({Port(i, 0)}, {i.Op1Register.GetSize()}, {OperandText.Register(i.Op1Register)})";

    private static string Port(in Instruction i, int operand) =>
        i.GetOpKind(operand) == OpKind.Register ? "vcpu.Dx" : $"0x{i.Immediate8:x2}";

    private static string? Move(in Instruction i)
    {
        if (i.Op1Register.IsCR())
            return OperandText.Store(i, 0, $"vcpu.ReadControlRegister({i.Op1Register - Register.CR0})", 4);
        if (i.Op0Register.IsCR())
            return $"vcpu.WriteControlRegister({i.Op0Register - Register.CR0}, {OperandText.Register(i.Op1Register)})";
        if (i.Op1Register.IsDR())
            return OperandText.Store(i, 0, $"vcpu.ReadDebugRegister({i.Op1Register - Register.DR0})", 4);
        if (i.Op0Register.IsDR())
            return $"vcpu.WriteDebugRegister({i.Op0Register - Register.DR0}, {OperandText.Register(i.Op1Register)})";
        if (i.Op1Register.IsSegmentRegister())
            return OperandText.Store(i, 0, $"vcpu.ReadSegment({OperandText.Segment(i.Op1Register)})", 2);
        return i.Op0Register.IsSegmentRegister() && i.Op0Register != Register.CS && OperandText.Value(i, 1, 2) is string selector
            ? $"vcpu.LoadSegment({OperandText.Segment(i.Op0Register)}, {selector})"
            : null;
    }

    private static string? Push(in Instruction i) => i.Op0Register.IsSegmentRegister()
        ? $"vcpu.PushSegment({OperandText.Segment(i.Op0Register)}, {-i.StackPointerIncrement})"
        : null;

    private static string? Pop(in Instruction i) => i.Op0Register.IsSegmentRegister()
        ? $"vcpu.PopSegment({OperandText.Segment(i.Op0Register)}, {i.StackPointerIncrement})"
        : null;

    private static string? WithAddress(in Instruction i, string member, string rest = "", bool isKnown = true) =>
        isKnown && OperandText.Address(i) is string address ? $"vcpu.{member}({address}{rest})" : null;

    private static string? WithSelector(in Instruction i, string member) =>
        OperandText.Value(i, 0, 2) is string selector ? $"vcpu.{member}({selector})" : null;
}
