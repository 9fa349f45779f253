using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Where an instruction may go. Far jumps and calls count with their offset: kernels that take part here have flat
/// segments.</summary>
public static class ControlFlow
{
    /// <summary>The target of a direct jump, branch or call.</summary>
    public static bool TryGetTarget(in Instruction instruction, out ulong target)
    {
        target = instruction.Code is Code.Jmp_ptr1632 or Code.Call_ptr1632 ? instruction.FarBranch32 : instruction.NearBranchTarget;
        return target != 0;
    }

    public static bool IsCall(in Instruction instruction) => instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall;

    /// <summary>Whether control never goes on to the following instruction.</summary>
    public static bool EndsPath(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.IndirectBranch
            or FlowControl.Return or FlowControl.Exception;
}
