// Random starting points: values that meet corner cases more often than chance would.
using System.Buffers.Binary;
using Runtime.Engines;

namespace Tests.Engines.Direct;

internal static class RandomState
{
    private static readonly uint[] s_corners = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x5555_5555, 0x1234_5678];

    // Exponents of an 80-bit number: zero, denormal and tiny, near one, integers, huge, infinity and NaN.
    private static readonly ushort[] s_exponents = [0, 0, 1, 0x3FC0, 0x3FFD, 0x3FFE, 0x3FFF, 0x4000, 0x4005, 0x400E, 0x401E, 0x403E, 0x43FE, 0x7FFE, 0x7FFF];

    public static uint Corner(Random random) => s_corners[random.Next(s_corners.Length)];

    public static MachineState Make(Random random)
    {
        var state = new MachineState();
        random.NextBytes(state.Memory);
        for (int i = 0; i < 8; i++)
        {
            state.Gpr[i] = random.Next(3) == 0 ? Corner(random) : (uint)random.NextInt64(1L << 32);
        }

        state.Gpr[VcpuState.Esp] = MachineState.StackMiddle + (uint)random.Next(-16, 16) * 4;
        state.Eflags |= (uint)random.Next() & (FlagBits.Arithmetic | (random.Next(4) == 0 ? FlagBits.Df : 0));
        FillFloats(state, random);
        return state;
    }

    private static void FillFloats(MachineState state, Random random)
    {
        Span<byte> fx = state.Fx;
        // Invalid and denormal operands stay masked: what is left undone otherwise differs between makers. So do overflow and underflow.
        ushort masks = random.Next(12) == 0 ? (ushort)(random.Next(0x40) | 0x1B) : (ushort)0x3F;
        int[] precisions = [0, 2, 3];
        BinaryPrimitives.WriteUInt16LittleEndian(fx, (ushort)(masks | 0x40 | precisions[random.Next(3)] << 8 | random.Next(4) << 10));
        BinaryPrimitives.WriteUInt16LittleEndian(fx[2..], (ushort)(random.Next(8) << 11));
        fx[4] = random.Next(4) == 0 ? (byte)random.Next(256) : (byte)0xFF;
        uint simdMasks = random.Next(12) == 0 ? (uint)random.Next(0x40) | 0x18 : 0x3F;
        BinaryPrimitives.WriteUInt32LittleEndian(fx[24..], simdMasks << 7 | (uint)random.Next(4) << 13 | (random.Next(4) == 0 ? 0x8000u : 0) | (random.Next(4) == 0 ? 0x40u : 0));
        for (int i = 0; i < 8; i++)
        {
            Extended(fx.Slice(32 + (i * 16), 10), random);
            Packed(fx.Slice(160 + (i * 16), 16), random);
        }

        // Memory operands of floating-point instructions should be numbers too.
        for (int at = 0; at < MachineState.DataSize; at += 16)
        {
            switch (random.Next(4))
            {
                case 0:
                    Extended(state.Memory.AsSpan(at, 10), random);
                    break;
                case 1 or 2:
                    Packed(state.Memory.AsSpan(at, 16), random);
                    break;
            }
        }
    }

    private static void Extended(Span<byte> number, Random random)
    {
        ulong fraction = random.Next(3) switch
        {
            0 => 0,
            1 => (ulong)random.Next(1 << 20) << 43,
            _ => (ulong)random.NextInt64(),
        };
        ushort exponent = random.Next(4) == 0 ? (ushort)random.Next(0x8000) : s_exponents[random.Next(s_exponents.Length)];
        bool isInteger = exponent != 0 ? random.Next(50) != 0 : random.Next(20) == 0; // otherwise an encoding that the 80387 no longer supports
        BinaryPrimitives.WriteUInt64LittleEndian(number, (fraction & long.MaxValue) | (isInteger ? 1ul << 63 : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(number[8..], (ushort)(exponent | random.Next(2) << 15));
    }

    private static void Packed(Span<byte> vector, Random random)
    {
        bool isDouble = random.Next(2) == 0;
        for (int at = 0; at < 16; at += isDouble ? 8 : 4)
        {
            double value = random.Next(6) switch
            {
                0 => new[] { 0.0, -0.0, 1, -1, double.PositiveInfinity, double.NegativeInfinity, double.NaN, 0.5, 2147483647.5, -2147483648 }[random.Next(10)],
                1 => (random.NextDouble() - 0.5) * 1e10,
                2 => BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue)),
                3 => random.Next(-1000, 1000) / 2.0,
                4 => isDouble ? double.Epsilon * random.Next(1000) : float.Epsilon * random.Next(1000),
                _ => random.NextDouble() * 4 - 2,
            };
            if (isDouble)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(vector[at..], value);
            }
            else
            {
                BinaryPrimitives.WriteSingleLittleEndian(vector[at..], (float)value);
            }
        }
    }
}
