// Writes guest-side shims: short IA-32 sequences in the monitor window that stand for one sensitive instruction each.
//
// The rules that every stub obeys:
//  * Guest registers, flags and memory change only as the instruction itself changes them.
//  * A guest-memory access that can fault comes first, while all guest registers are intact, so that a fault anywhere in the stub
//    can be reported as a fault of the original instruction.
//  * Registers are kept in Data.Scratch, never on the guest's stack. Events that arrive inside a stub are rolled forward by the monitor.
//  * The window is addressed through SS: it is flat wherever code runs natively, while DS may still be the interrupted program's.
using Iced.Intel;
using Runtime.Abi;
using static Iced.Intel.AssemblerRegisters;

namespace Rewriter.Shims;

/// <summary>An assembler that knows the monitor window; one <c>Emit</c> method per stub.</summary>
/// <param name="windowBase">Base of the monitor window.</param>
/// <param name="userMode">The code runs at the guest's CPL 3, where only <c>UserData</c> can be reached.</param>
public sealed partial class StubAssembler(uint windowBase, bool userMode)
{
    private readonly Assembler c = new(32);

    /// <summary>Where code that is not a shim is emitted.</summary>
    public Assembler Code => c;

    public uint WindowBase => windowBase;

    /// <summary>Where in the window a word of the guest kernel's memory is mirrored, by its address; null where it is not.</summary>
    public Func<uint, uint?> MirrorOf { get; set; } = static _ => null;

    /// <summary>Number of instructions emitted so far: the position of the next.</summary>
    public int Position => c.Instructions.Count;

    /// <summary>A scratch dword that the running mode can reach. Slots 0 to 3 belong to shims, 4 to 7 to displaced instructions.</summary>
    public AssemblerMemoryOperand Scratch(int slot)
    {
        uint first = userMode ? MonitorWindow.UserDataOffset + MonitorWindow.User.Scratch : MonitorWindow.Data.Scratch;
        return Window(first + 4 * (uint)slot);
    }

    /// <summary>Leaves for the monitor, which performs the original instruction and resumes after it.
    /// <code>
    ///   mov dword ss:[SiteIndex], index
    ///   jmp far 0x33:gate
    /// </code></summary>
    public void EmitGate(int siteIndex)
    {
        uint field = userMode ? MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex : MonitorWindow.Data.SiteIndex;
        uint gate = userMode ? MonitorWindow.UserGateOffset : MonitorWindow.GateOffset;
        c.mov(Window(field), siteIndex);                      // who asks
        c.jmp(MonitorWindow.GateSelector, windowBase + gate); // into 64-bit code; registers and flags are the guest's
    }

    /// <summary>For instructions without effect in a virtual machine (WBINVD: caches are coherent).
    /// <code>
    ///   nop
    /// </code></summary>
    public void EmitNothing() => c.nop(); // one byte, so that the site keeps an address of its own

    private AssemblerMemoryOperand Window(uint offset) => __dword_ptr.ss[windowBase + offset];

    private AssemblerMemoryOperand WindowWord(uint offset) => __word_ptr.ss[windowBase + offset];
}
