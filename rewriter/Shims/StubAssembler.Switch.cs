// The stubs for the way into the guest kernel and back: they name their site and go on in the switcher, which is one for all sites.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

public sealed partial class StubAssembler
{
    /// <summary>INT n in user mode.
    /// <code>
    ///   mov dword ss:[User.SiteIndex], index
    ///   mov dword ss:[User.Return], address after the instruction
    ///   mov dword ss:[User.Vector], n
    ///   jmp enter
    /// </code></summary>
    public void EmitSystemCall(in Instruction instruction, int siteIndex)
    {
        c.mov(Window(MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex), siteIndex);
        c.mov(Window(MonitorWindow.UserDataOffset + MonitorWindow.User.Return), instruction.NextIP32);
        c.mov(Window(MonitorWindow.UserDataOffset + MonitorWindow.User.Vector), (uint)instruction.Immediate8);
        c.jmp((ulong)(windowBase + MonitorWindow.EnterOffset));
    }

    /// <summary>IRET with a 32-bit operand in kernel mode.
    /// <code>
    ///   mov dword ss:[SiteIndex], index
    ///   jmp leave
    /// </code></summary>
    public void EmitInterruptReturn(int siteIndex)
    {
        c.mov(Window(MonitorWindow.Data.SiteIndex), siteIndex);
        c.jmp((ulong)(windowBase + MonitorWindow.LeaveOffset));
    }
}
