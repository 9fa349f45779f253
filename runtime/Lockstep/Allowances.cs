// What two processors may do differently and both be right: found, and made alike, so that it does not spread.
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Lockstep;

/// <summary>Gives the reference what the subject has where the architecture leaves it open.</summary>
internal sealed class Allowances(LockstepSide reference, LockstepSide subject, InstructionTrail trail, Cpu cpu)
{
    /// <summary>Bits that are never set in an image of FLAGS, and the one that always is (SDM vol. 1, figure 3-8). Of EFLAGS only this half: what
    /// an instruction leaves undefined is in it, and the other may have been written over since.</summary>
    private const uint ReservedFlags = 0x8028, AlwaysSet = 2;

    /// <summary>Flags, and copies of flags, that an instruction had left undefined.</summary>
    public long UndefinedFlags { get; private set; }

    /// <summary>Upper halves of dwords to which segment registers were pushed.</summary>
    public long PushedSelectors { get; private set; }

    /// <summary>Both agree but for undefined flags.</summary>
    public void MendFlags()
    {
        if (((reference.State.Eflags ^ subject.State.Eflags) & ~FlagBits.Rf) != 0)
        {
            UndefinedFlags++;
        }

        reference.State.Eflags = subject.State.Eflags;
    }

    /// <summary>A register that holds a copy of flags, some of them undefined when it was made.</summary>
    public bool TryMendRegisters()
    {
        uint? ever = null;
        bool isMended = false;
        for (int i = 0; i < 8; i++)
        {
            uint left = reference.State.Gpr[i], right = subject.State.Gpr[i];
            if (left != right && IsFlagCopy(left, right, ever ??= trail.UndefinedFlags().Ever))
            {
                reference.State.Gpr[i] = right;
                isMended = true;
                UndefinedFlags++;
            }
        }

        return isMended;
    }

    /// <summary>A stored copy of flags, or the upper half of a pushed segment register.</summary>
    public bool TryMend(in RamDifference difference)
    {
        ulong dword = difference.Physical & ~3ul;
        uint left = reference.Memory.Read32(dword), right = subject.Memory.Read32(dword);
        if (IsFlagCopy(left, right, trail.UndefinedFlags().Ever))
        {
            UndefinedFlags++;
            reference.Memory.Write32(dword, right);
            return true;
        }

        foreach (uint pushed in trail.PushedSelectors())
        {
            if (cpu.TryTranslate(pushed + 2, AccessKind.Read, false, false, out PageTranslation half, out _) && difference.Physical - half.Physical < 2
                && subject.Memory.Read16(half.Physical) == 0)
            {
                // The host's processor is of that kind: so are both from now on.
                cpu.PushesWholeSelectors = true;
                subject.Processor?.PushesWholeSelectors = true;
                PushedSelectors++;
                reference.Memory.Write16(half.Physical, 0);
                return true;
            }
        }

        return false;
    }

    private static bool IsFlagCopy(uint left, uint right, uint undefined)
        => ((left ^ right) & ~undefined) == 0 && (left & ReservedFlags) == 0 && (left & AlwaysSet) != 0;
}
