using Runtime.Engines.Direct.Paging;
using Xunit;

namespace Tests.Engines.Direct.Paging;

/// <summary>Low bits of an entry: P 1, W 2, U 4, A 20, D 40, G 100.</summary>
public sealed class EntryChangeTests
{
    [Theory]
    [InlineData(0x5000_0067, 0x5000_0067, "None", "the same")]
    [InlineData(0x5000_0027, 0x5000_0067, "None", "became dirty")]
    [InlineData(0x5000_0065, 0x5000_0067, "None", "may be written now: a translation with fewer rights may stay")]
    [InlineData(0x5000_0067, 0x5000_0F67, "None", "the guest's own bits, and the global one")]
    [InlineData(0x5000_0067, 0x5000_0065, "Protected", "write-protected")]
    [InlineData(0x5000_0067, 0x5000_0027, "Protected", "cleaned")]
    [InlineData(0x5000_0067, 0x5000_0047, "Aged", "no longer accessed")]
    [InlineData(0x5000_0067, 0x5000_0005, "Aged", "no longer accessed, and less besides")]
    [InlineData(0x5000_0067, 0x5000_0066, "Other", "not present")]
    [InlineData(0x5000_0067, 0x6000_0067, "Other", "another frame")]
    [InlineData(0x5000_0067, 0x5000_0063, "Other", "the kernel's alone")]
    [InlineData(0x5000_0063, 0x5000_0067, "Other", "the user's too: under another protection key")]
    public void SaysWhatMayStay(long then, long now, string expected, string why)
        => Assert.True(expected == EntryChanges.Classify((ulong)then, (ulong)now, honoursWritable: true).ToString(), why);

    [Fact]
    public void WithoutWriteProtectEveryChangeOfRightsCounts()
        => Assert.Equal(EntryChange.Other, EntryChanges.Classify(0x5000_0067, 0x5000_0065, honoursWritable: false));

    [Fact]
    public void NoExecuteCounts()
        => Assert.Equal(EntryChange.Other, EntryChanges.Classify(0x5000_0067, 0x8000_0000_5000_0067, honoursWritable: true));
}
