using Rewriter.Audit;
using Xunit;

namespace Tests.Audit;

public sealed class ResidualRisksTests
{
    [Theory]
    [InlineData("silent", "high", "jump", null, "")]
    [InlineData("silent", "high", "leave", null, "error")]
    [InlineData("leaking", "high", "leave", null, "warning")]
    [InlineData("trapping", "high", "leave", null, "note")]
    [InlineData("silent", "low", "leave", "not proven to be code", "warning")]
    [InlineData("silent", "low", "leave", "only copied from here at boot", "note")]
    [InlineData("silent", "high", "trap", "too few bytes that may move", "note")]
    [InlineData("silent", "high", "jump-preceding", "1 known target(s) inside the range, which trap into the trampoline", "note")]
    [InlineData("silent", "high", "short-jump", "no range of 5 bytes that can be guarded, or only with known targets inside", "note")]
    [InlineData("silent", "high", "short-jump", "2 known target(s) inside the range, which trap into the trampoline", "note note")]
    public void EachHasItsLevel(string sensitivity, string confidence, string tactic, string? reason, string levels) =>
        Assert.Equal(levels, string.Join(' ', ResidualRisks.Of(sensitivity, confidence, tactic, reason).Select(r => r.Level)));
}
