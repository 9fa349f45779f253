// The code of one trampoline before it has an address: displaced instructions and shims, and which guest instruction each stands for.
using Iced.Intel;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>A trampoline that can be assembled at any address of the window; its length does not depend on it.</summary>
public sealed class TrampolineCode(uint windowBase, bool userMode)
{
    private readonly List<(int Position, uint Guest, bool IsRestart)> _marks = [];
    private int? _length;

    public StubAssembler Stub { get; } = new(windowBase, userMode);

    public Assembler Assembler => Stub.Code;

    /// <summary>Bytes of machine code; known once all of it is emitted.</summary>
    public int Length => _length ??= AssembleAt(Stub.WindowBase + MonitorWindow.TrampolineOffset).Code.Length;

    /// <summary>From here on the code stands for a guest instruction.</summary>
    public void Mark(uint guest, bool isRestart) => _marks.Add((Stub.Position, guest, isRestart));

    /// <summary>Writes the code for all instructions of a range and the jump back behind it.</summary>
    /// <param name="siteIndex">The site index of an instruction of the range, or a negative number for a plain one.</param>
    public static TrampolineCode Create(
        JumpRange range, ICodeContext context, ShimCatalog shims, uint windowBase, Func<uint, int> siteIndex)
    {
        var code = new TrampolineCode(windowBase, shims.UserMode);
        code.Stub.MirrorOf = context.MirrorOf;
        var labels = new Dictionary<uint, Label>();
        foreach (Instruction instruction in range.Instructions)
        {
            if (DisplacedInstruction.TryGetTarget(instruction, out uint target) && range.IsForwardInner(instruction, target))
                labels.TryAdd(target, code.Assembler.CreateLabel());
        }

        foreach (Instruction instruction in range.Instructions)
        {
            if (labels.TryGetValue(instruction.IP32, out Label label))
                code.Assembler.Label(ref label);
            code.Mark(instruction.IP32, isRestart: true);
            int index = siteIndex(instruction.IP32);
            if (index >= 0)
                shims.Find(instruction).Emit(code.Stub, instruction, index);
            else
                DisplacedInstruction.Emit(
                    code, instruction, context.Bytes(instruction.IP32, instruction.Length), Inner(range, instruction, labels));
        }

        if (DisplacedInstruction.FallsThrough(range.Instructions[^1]))
        {
            code.Mark(range.CodeEnd, isRestart: true);
            code.Assembler.jmp(range.CodeEnd);
        }

        return code;
    }

    /// <summary>The machine code at an address, and its map.</summary>
    public (byte[] Code, TrampolineMapEntry[] Map) AssembleAt(uint address)
    {
        using var stream = new MemoryStream();
        AssemblerResult result = Assembler.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        uint[] offsets = result.Result[0].NewInstructionOffsets;
        var map = new TrampolineMapEntry[_marks.Count];
        for (int i = 0; i < map.Length; i++)
            map[i] = new TrampolineMapEntry((int)offsets[_marks[i].Position], _marks[i].Guest, _marks[i].IsRestart);
        return (stream.ToArray(), map);
    }

    private static Label? Inner(JumpRange range, in Instruction instruction, Dictionary<uint, Label> labels) =>
        DisplacedInstruction.TryGetTarget(instruction, out uint target) && range.IsForwardInner(instruction, target)
            ? labels[target]
            : null;
}
