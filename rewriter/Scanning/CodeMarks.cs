namespace Rewriter.Scanning;

/// <summary>What is known of one byte of code. A byte that carries none of these may be the inside of an instruction, or data.</summary>
[Flags]
public enum CodeMarks : byte
{
    None = 0,

    /// <summary>A proven instruction begins here.</summary>
    Start = 0x01,

    /// <summary>The instruction that begins here may not go on to the next one: jump, branch, return, UD2. Calls are not meant.</summary>
    Flow = 0x02,

    /// <summary>A direct jump or branch in proven code goes here.</summary>
    JumpTarget = 0x04,

    /// <summary>A direct call in proven code goes here.</summary>
    CallTarget = 0x08,

    /// <summary>A relocated word, symbol, jump table or entry point names this address: an indirect jump or call may go here.</summary>
    AddressTaken = 0x10,

    /// <summary>The return point of a call: a RET goes here.</summary>
    CallReturn = 0x20,

    /// <summary>Named by the exception or bug table: reached or reported only through an exception, which the monitor intercepts.</summary>
    Intercepted = 0x40,

    /// <summary>Recursive descent reached the instruction that begins here.</summary>
    Descent = 0x80,

    /// <summary>Control may arrive here from elsewhere without the monitor seeing it.</summary>
    Target = JumpTarget | CallTarget | AddressTaken | CallReturn,
}
