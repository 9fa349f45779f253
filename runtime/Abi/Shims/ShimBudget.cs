using System.Runtime.CompilerServices;

namespace Runtime.Abi.Shims;

/// <summary>A shim went on for longer than any shim may.</summary>
public sealed class ShimBudgetException : Exception;

/// <summary>
/// How much longer the shim on this thread may run. The compiler of shim packs puts a call into each loop and each method: whoever wrote
/// the pack, the virtual CPU comes back.
/// </summary>
public static class ShimBudget
{
    [ThreadStatic]
    private static int _left;

    /// <summary>Before a shim is called.</summary>
    /// <param name="steps">Turns of loops and calls that it may make.</param>
    public static void Begin(int steps) => _left = steps;

    /// <summary>At the beginning of a method.</summary>
    /// <exception cref="ShimBudgetException">Used up.</exception>
    /// <exception cref="InsufficientExecutionStackException">Too many calls deep.</exception>
    public static void Enter()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Spend();
    }

    /// <summary>At the beginning of a loop's body.</summary>
    /// <exception cref="ShimBudgetException">Used up.</exception>
    public static void Spend()
    {
        if (--_left < 0)
        {
            throw new ShimBudgetException();
        }
    }
}
