using Rewriter.Patching;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

public sealed class WindowAllocatorTests
{
    private static readonly GuardConstraint[] Constraints =
    [
        GuardConstraint.None,
        GuardConstraint.None.With(0, GuardKind.Guard),
        GuardConstraint.None.With(1, GuardKind.GuardOfOneByte),
        GuardConstraint.None.With(0, GuardKind.Guard).With(2, GuardKind.Guard),
        GuardConstraint.None.With(0, GuardKind.Guard).With(1, GuardKind.Guard).With(2, GuardKind.Guard),
    ];

    [Theory]
    [InlineData(MonitorWindow.DefaultBase)]
    [InlineData(0xFFC0_0000u)]
    [InlineData(0u)]
    public void AllocationsObeyAndComeBackWhole(uint windowBase)
    {
        var random = new Random(1);
        var window = new WindowAllocator(windowBase);
        long all = window.FreeBytes;
        var taken = new List<(uint Address, int Size)>();
        for (int i = 0; i < 3000; i++)
        {
            int size = random.Next(1, 120);
            uint origin = 0xC010_0000 + (uint)random.Next(0x100_0000);
            GuardConstraint constraint = Constraints[random.Next(Constraints.Length)];
            if (!window.TryAllocate(size, origin, constraint, out uint address))
                continue;
            Assert.True(constraint.Allows(address - origin));
            Assert.InRange(address, windowBase + MonitorWindow.TrampolineOffset, windowBase + MonitorWindow.Size - (uint)size);
            taken.Add((address, size));
            if (random.Next(3) == 0)
            {
                (uint freed, int length) = taken[random.Next(taken.Count)];
                taken.Remove((freed, length));
                window.Free(freed, length);
            }
        }

        Assert.Equal(all, window.FreeBytes + taken.Sum(entry => entry.Size));
        taken.Sort();
        Assert.All(taken.Zip(taken.Skip(1)), pair => Assert.True(pair.First.Address + (uint)pair.First.Size <= pair.Second.Address));
        foreach ((uint address, int size) in taken)
            window.Free(address, size);
        Assert.True(window.TryAllocate((int)all, 0, GuardConstraint.None, out _), "the gaps have joined");
    }

    [Fact]
    public void FreeingTwiceIsRefused()
    {
        var window = new WindowAllocator(MonitorWindow.DefaultBase);
        Assert.True(window.TryAllocate(16, 0, GuardConstraint.None, out uint address));
        window.Free(address, 16);
        Assert.Throws<InvalidOperationException>(() => window.Free(address, 16));
    }

    [Fact]
    public void TheNextDisplacementIsTheLeastThatObeys()
    {
        GuardConstraint constraint = GuardConstraint.None.With(0, GuardKind.Guard).With(2, GuardKind.Guard);
        uint expected = 0;
        foreach (uint from in new uint[] { 0, 0x006C_0000, 0x00FA_FFFC, 0x12FC_0000, 0xFFFB_FFFB })
        {
            for (expected = from; !Obeys(expected); expected++)
            {
            }

            Assert.True(constraint.TryCeiling(from, out uint found));
            Assert.Equal(expected, found);
        }

        Assert.False(constraint.TryCeiling(0xFFFB_FFFC, out _));

        static bool Obeys(uint value) => GuardBytes.IsGuard((byte)value) && GuardBytes.IsGuard((byte)(value >> 16));
    }
}
