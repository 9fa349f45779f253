// Which shim method calls which: recursion would exhaust the stack of the monitor, and with it every guest.
using Microsoft.CodeAnalysis;

namespace Rewriter.Shims;

/// <summary>Calls between methods that the shims' own source declares.</summary>
internal sealed class ShimCallGraph
{
    private readonly Dictionary<ISymbol, List<(ISymbol Callee, Location Place)>> _calls = new(SymbolEqualityComparer.Default);

    public void Add(ISymbol caller, ISymbol callee, Location place)
    {
        if (!_calls.TryGetValue(caller, out List<(ISymbol Callee, Location Place)>? calls))
            _calls.Add(caller, calls = []);
        calls.Add((callee, place));
    }

    /// <summary>Every call that a chain of calls leads back from to its caller.</summary>
    public IEnumerable<(ISymbol Callee, Location Place)> Recursions()
    {
        foreach ((ISymbol caller, List<(ISymbol Callee, Location Place)> calls) in _calls)
        {
            foreach ((ISymbol callee, Location place) in calls)
            {
                if (Reaches(callee, caller))
                    yield return (callee, place);
            }
        }
    }

    private bool Reaches(ISymbol from, ISymbol to)
    {
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default) { from };
        var open = new Stack<ISymbol>(seen);
        while (open.TryPop(out ISymbol? method))
        {
            if (SymbolEqualityComparer.Default.Equals(method, to))
                return true;
            foreach ((ISymbol callee, _) in _calls.GetValueOrDefault(method) ?? [])
            {
                if (seen.Add(callee))
                    open.Push(callee);
            }
        }

        return false;
    }
}
