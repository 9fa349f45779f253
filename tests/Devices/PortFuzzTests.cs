using Runtime.Devices;
using Xunit;

namespace Tests.Devices;

public sealed class PortFuzzTests
{
    private static readonly (ushort First, int Count)[] Interesting =
        [(0x00, 0x100), (0x170, 8), (0x1F0, 8), (0x376, 1), (0x3D4, 8), (0x3F6, 1), (0x3F8, 8), (0x4D0, 2), (0x604, 2), (0xB004, 2), (0xCF8, 8)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void NoSequenceOfPortAccessesThrows(int seed)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[100_000]);
            using DiskImage disk = DiskImage.Open(path);
            Hammer(new Board(disk), new Random(seed));
            Assert.Equal(100_000, new FileInfo(path).Length, 511.0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Hammer(Board board, Random random)
    {
        for (int i = 0; i < 200_000; i++)
        {
            (ushort first, int count) = Interesting[random.Next(Interesting.Length)];
            ushort port = (ushort)(first + random.Next(count));
            int size = 1 << random.Next(3);
            switch (random.Next(8))
            {
                case < 4:
                    board.Platform.Bus.Write(port, size, (uint)random.NextInt64(1L << 32));
                    break;
                case < 7:
                    board.Platform.Bus.Read(port, size);
                    break;
                default:
                    Disturb(board, random);
                    break;
            }
        }
    }

    private static void Disturb(Board board, Random random)
    {
        switch (random.Next(3))
        {
            case 0:
                board.Sleep(random.NextInt64(20_000_000));
                break;
            case 1:
                board.Platform.Pic.Acknowledge();
                break;
            default:
                board.Arrive("input");
                break;
        }
    }
}
