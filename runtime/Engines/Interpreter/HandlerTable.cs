// Which method executes which instruction. Each chapter file registers its own rows.
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

/// <summary>Handlers by mnemonic, with exceptions by opcode form; a mnemonic without a row is #UD on this processor.</summary>
internal sealed class HandlerTable
{
    private readonly Dictionary<Mnemonic, Handler> _byMnemonic = [];
    private readonly Dictionary<Code, Handler> _byCode = [];
    private readonly Dictionary<Mnemonic, Func<DecodedInstruction, Handler?>> _specialized = [];

    public void On(Mnemonic mnemonic, Handler handler) => _byMnemonic[mnemonic] = handler;

    public void On(Code code, Handler handler) => _byCode[code] = handler;

    /// <summary>Chooses a faster handler for some operand forms; null keeps the general one.</summary>
    public void Refine(Mnemonic mnemonic, Func<DecodedInstruction, Handler?> choose) => _specialized[mnemonic] = choose;

    public Handler? Find(in Instruction instruction)
        => _byCode.TryGetValue(instruction.Code, out Handler? handler) || _byMnemonic.TryGetValue(instruction.Mnemonic, out handler)
            ? handler
            : null;

    public Handler Specialize(DecodedInstruction d)
        => !_byCode.ContainsKey(d.Code) && _specialized.TryGetValue(d.Mnemonic, out var choose) ? choose(d) ?? d.Execute : d.Execute;
}
