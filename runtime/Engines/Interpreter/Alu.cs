// Results and flags of the integer unit, on values of 1, 2 or 4 bytes held in 32 bits (SDM vol. 1, 3.4.3.1).
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Runtime.Engines.Interpreter;

internal static class Alu
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Mask(int size) => uint.MaxValue >> 32 - 8 * size;

    /// <summary>SF, ZF and PF of a result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ResultFlags(uint result, int size)
    {
        uint top = result << 32 - 8 * size;
        uint parity = (uint)(~BitOperations.PopCount(result & 0xFF) & 1) << 2;
        return parity | (top == 0 ? FlagBits.Zf : 0) | top >> 31 << 7;
    }

    /// <summary>CF, AF and OF from the vector of carries (or borrows) out of each bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CarryFlags(uint carries, int size)
    {
        uint top = carries >> 8 * size - 2;
        return top >> 1 & 1 | carries << 1 & FlagBits.Af | ((top >> 1 ^ top) & 1) << 11;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(ref uint flags, uint a, uint b, uint carry, int size)
    {
        uint r = a + b + carry;
        flags = flags & ~FlagBits.Arithmetic | ResultFlags(r, size) | CarryFlags(a & b | (a | b) & ~r, size);
        return r;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Subtract(ref uint flags, uint a, uint b, uint borrow, int size)
    {
        uint r = a - b - borrow;
        flags = flags & ~FlagBits.Arithmetic | ResultFlags(r, size) | CarryFlags(~a & b | (~a | b) & r, size);
        return r;
    }

    /// <summary>AND, OR, XOR, TEST: CF = OF = 0; AF, undefined, is 0 as on hardware.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Logical(ref uint flags, uint r, int size)
    {
        flags = flags & ~FlagBits.Arithmetic | ResultFlags(r, size);
        return r;
    }
}

/// <summary>A two-operand instruction; a struct, so that the JIT compiles one body per operation.</summary>
internal interface IBinaryOperation
{
    /// <summary>False for CMP and TEST.</summary>
    static abstract bool Writes { get; }

    static abstract uint Apply(ref uint flags, uint a, uint b, int size);
}

internal readonly struct AddOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Add(ref flags, a, b, 0, size);
}

internal readonly struct AdcOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Add(ref flags, a, b, flags & 1, size);
}

internal readonly struct SubOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Subtract(ref flags, a, b, 0, size);
}

internal readonly struct SbbOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Subtract(ref flags, a, b, flags & 1, size);
}

internal readonly struct CmpOperation : IBinaryOperation
{
    public static bool Writes => false;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Subtract(ref flags, a, b, 0, size);
}

internal readonly struct AndOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Logical(ref flags, a & b, size);
}

internal readonly struct OrOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Logical(ref flags, a | b, size);
}

internal readonly struct XorOperation : IBinaryOperation
{
    public static bool Writes => true;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Logical(ref flags, a ^ b, size);
}

internal readonly struct TestOperation : IBinaryOperation
{
    public static bool Writes => false;

    public static uint Apply(ref uint flags, uint a, uint b, int size) => Alu.Logical(ref flags, a & b, size);
}
