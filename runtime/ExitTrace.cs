using Runtime.Engines;

namespace Runtime;

/// <summary>Writes one line for every exit that reaches the run loop.</summary>
public sealed class ExitTrace(TextWriter writer)
{
    public void Write(in VmExit exit, uint eip, SymbolTable symbols)
    {
        string detail = exit.Reason switch
        {
            VmExitReason.PortRead => $" port 0x{exit.Port:x} size {exit.Size}",
            VmExitReason.PortWrite => $" port 0x{exit.Port:x} size {exit.Size} value 0x{exit.Value:x}",
            _ => exit.Detail is null ? "" : " " + exit.Detail,
        };
        writer.WriteLine($"trace: exit {exit.Reason}{detail} {symbols.Describe(eip)}");
    }
}
