using Runtime.Engines.Direct.Paging;
using Xunit;

namespace Tests.Engines.Direct.Paging;

/// <summary>Which pages are taken for ones that are mapped for a moment.</summary>
public sealed class PassingPagesRecordTests
{
    [Fact]
    public void APageIsOneAfterFourTimesAndOnceForEach()
    {
        var pages = new PassingPages();
        for (int times = 1; times <= 6; times++)
        {
            pages.Unmapped(7);
            Assert.Equal(times >= 4, pages.TryTake(7));
            Assert.False(pages.TryTake(7));
        }

        Assert.False(pages.TryTake(8));
    }

    [Fact]
    public void AGuestThatUnmapsPagesWithoutEndIsBounded()
    {
        var pages = new PassingPages();
        for (int times = 0; times < 4; times++)
        {
            pages.Unmapped(1);
        }

        for (uint page = 100; page < 100_000; page++)
        {
            pages.Unmapped(page);
        }

        Assert.False(pages.TryTake(1));
    }
}
