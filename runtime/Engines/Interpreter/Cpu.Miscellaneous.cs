// HLT, NOPs and hints, IRET's registration, undefined instructions (SDM vol. 1, 5.1.15).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterMiscellaneous()
    {
        _handlers.On(Mnemonic.Iret, _ => TryReturnFromInterrupt(2));
        _handlers.On(Mnemonic.Iretd, _ => TryReturnFromInterrupt(4));
        _handlers.On(Mnemonic.Hlt, _ => TryHalt());

        // Hint opcodes execute as NOP on a processor that does not know them: PAUSE, ENDBR, the 0F 18-1F space.
        foreach (Mnemonic hint in (ReadOnlySpan<Mnemonic>)[Mnemonic.Nop, Mnemonic.Pause, Mnemonic.Endbr32, Mnemonic.Endbr64,
            Mnemonic.Rdsspd, Mnemonic.Reservednop, Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2])
        {
            _handlers.On(hint, _ => true);
        }

        if (_model.Has(CpuFeatures.Clfsh))
        {
            _handlers.On(Mnemonic.Clflush, d => TryRead(d.Segment, EffectiveAddress(d), 1, out _));
        }

        if (_model.Has(CpuFeatures.Sse))
        {
            _handlers.On(Mnemonic.Sfence, _ => true);
        }

        if (_model.Has(CpuFeatures.Sse2))
        {
            _handlers.On(Mnemonic.Lfence, _ => true);
            _handlers.On(Mnemonic.Mfence, _ => true);
            _handlers.On(Mnemonic.Movnti, Move);
        }
    }
}
