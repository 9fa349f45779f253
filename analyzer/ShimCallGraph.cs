// Which shim method calls which: recursion would exhaust the stack of the monitor, and with it every guest.
using Microsoft.CodeAnalysis;

namespace Rewriter.ShimAnalyzer;

/// <summary>Calls between methods that the shims' own source declares. Safe for use by several threads.</summary>
internal sealed class ShimCallGraph
{
    private readonly Dictionary<ISymbol, List<(ISymbol Callee, Location Place)>> _calls = new(SymbolEqualityComparer.Default);

    public void Add(ISymbol caller, ISymbol callee, Location place)
    {
        lock (_calls)
        {
            if (!_calls.TryGetValue(caller, out List<(ISymbol Callee, Location Place)>? calls))
                _calls.Add(caller, calls = []);
            calls.Add((callee, place));
        }
    }

    /// <summary>Every call that a chain of calls leads back from to its caller.</summary>
    public IEnumerable<Diagnostic> Recursions() =>
        from entry in _calls
        from call in entry.Value
        where Reaches(call.Callee, entry.Key)
        select Diagnostic.Create(ShimRules.Recursion, call.Place,
            $"'{call.Callee.Name}' comes back to its caller: recursion is not permitted in a shim, use a loop");

    private bool Reaches(ISymbol from, ISymbol to)
    {
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default) { from };
        var open = new Stack<ISymbol>(seen);
        while (open.Count > 0)
        {
            ISymbol method = open.Pop();
            if (SymbolEqualityComparer.Default.Equals(method, to))
                return true;
            if (!_calls.TryGetValue(method, out List<(ISymbol Callee, Location Place)>? calls))
                continue;
            foreach ((ISymbol callee, _) in calls)
            {
                if (seen.Add(callee))
                    open.Push(callee);
            }
        }

        return false;
    }
}
