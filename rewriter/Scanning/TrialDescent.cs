// Is this address code? A word in data may be a pointer to a function or a number that looks like one. Before it is believed, everything
// reachable from it is decoded on trial: data hardly ever survives that.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Decodes what is reachable from a suspected instruction without marking anything.</summary>
sealed class TrialDescent(CodeMapBuilder map)
{
    const int MostInstructions = 4096;

    /// <summary>For all trials of an image: one that needs more is not honest, and nothing more is believed of it.</summary>
    const int Budget = 20_000_000;

    int _spent;
    const int LongestText = 12;

    readonly Dictionary<ulong, int> _seen = [];
    readonly Stack<ulong> _pending = new();

    /// <summary>Whether all paths from an address decode, stay in executable sections, and agree with what is already proven.</summary>
    /// <param name="isNamed">Whether a symbol names the address: then instructions that are rare, but that people write, are no
    /// evidence.</param>
    public bool IsPlausible(ulong address, bool isNamed)
    {
        _seen.Clear();
        _pending.Clear();
        _pending.Push(address);
        while (_pending.TryPop(out ulong start))
        {
            if (_spent >= Budget || !WalkPath(start, isNamed))
            {
                return false;
            }
        }

        return _spent < Budget && !IsText();
    }

    bool WalkPath(ulong at, bool isNamed)
    {
        bool mayHaveEnded = false;
        while (!_seen.ContainsKey(at))
        {
            if (_seen.Count > MostInstructions)
            {
                return true; // this much code is no accident
            }

            CodeMarks marks = map.MarksAt(at);
            if ((marks & CodeMarks.Start) != 0)
            {
                return true;
            }

            _spent++;
            map.Decode(at, out Instruction instruction);
            if (IsNonsense(instruction, isNamed) || map.IsInsideInstruction(at) || map.IsData(at))
            {
                return isNamed && mayHaveEnded;
            }

            mayHaveEnded = MayNotReturn(instruction) || (mayHaveEnded && instruction.Mnemonic == Mnemonic.Nop);

            _seen.Add(at, instruction.Length);
            if (ControlFlow.TryGetTarget(instruction, out ulong target))
            {
                _pending.Push(target);
            }

            if (ControlFlow.EndsPath(instruction))
            {
                return true;
            }

            at = instruction.NextIP;
        }

        return true;
    }

    /// <summary>A call or software interrupt: what follows is only code if it comes back.</summary>
    public static bool MayNotReturn(in Instruction instruction) => ControlFlow.IsCall(instruction) || instruction.Code == Code.Int_imm8;

    /// <summary>Invalid, or what compilers and people do not write but zeros, padding and text decode to.</summary>
    public bool IsNonsense(in Instruction instruction, bool isNamed) => instruction.Code switch
    {
        Code.INVALID or Code.Salc or Code.Call_ptr1616 or Code.Jmp_ptr1616 => true,
        Code.Call_ptr1632 or Code.Jmp_ptr1632 => !isNamed && map.SectionAt(instruction.FarBranch32) is null,
        Code.Int3 or Code.Into => !isNamed,
        Code.Arpl_rm16_r16 or Code.Bound_r32_m3232 or Code.Bound_r16_m1616 => !isNamed,
        Code.Aam_imm8 or Code.Aad_imm8 or Code.Aaa or Code.Aas or Code.Daa or Code.Das => !isNamed,
        // 00 00
        Code.Add_rm8_r8 => instruction.MemoryBase == Register.EAX && instruction.Op1Register == Register.AL && instruction.Length == 2,
        _ => false,
    };

    /// <summary>Whether the decoded bytes hold a run of printable characters that no instruction sequence has.</summary>
    bool IsText()
    {
        foreach ((ulong address, int _) in _seen)
        {
            CodeSection section = map.SectionAt(address)!;
            int offset = (int)(address - section.Address);
            ReadOnlySpan<byte> bytes = section.Bytes.Span[offset..];
            if (bytes.Length > LongestText && bytes[..LongestText].IndexOfAnyExceptInRange((byte)0x20, (byte)0x7E) < 0)
            {
                return true;
            }
        }

        return false;
    }
}
