using Iced.Intel;

namespace Runtime.Engines.Patched;

/// <summary>Which instructions may be sites though they are not sensitive.</summary>
internal static class DeviceInstruction
{
    /// <summary>What the interpreter performs in one piece and without any regard to the floating-point unit and to what the host has in segment registers.</summary>
    public static bool MayBeSite(in Instruction instruction)
        => !instruction.HasLockPrefix && !instruction.Op0Register.IsSegmentRegister() && !instruction.Op1Register.IsSegmentRegister()
            && instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test
                or Mnemonic.Cmp or Mnemonic.Add or Mnemonic.Sub or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Not or Mnemonic.Xchg or Mnemonic.Bt;
}
