using System.Text;
using Runtime.Commands;
using Xunit;

namespace Tests.Commands;

public sealed class EscapeKeysTests
{
    [Theory]
    [InlineData("ls\r", "ls\r", "")]
    [InlineData("a\u0001xb", "ab", "quit")]
    [InlineData("\u0001X", "", "quit")]
    [InlineData("a\u0001hb\u0001?", "ab", "help help")]
    [InlineData("a\u0001\u0001x", "a\u0001x", "")]
    [InlineData("\u0003\u0004\u001c", "\u0003\u0004\u001c", "")]
    [InlineData("a\u0001qb", "ab", "")]
    public void OnlyKeysAfterCtrlAAreTheMonitors(string typed, string guest, string done)
    {
        byte[] all = Encoding.ASCII.GetBytes(typed);
        foreach (int piece in new[] { 1, all.Length })
        {
            var performed = new List<string>();
            var keys = new EscapeKeys(() => performed.Add("quit"), () => performed.Add("help"));
            var received = new StringBuilder();
            foreach (byte[] chunk in all.Chunk(piece))
            {
                received.Append(Encoding.ASCII.GetString(chunk, 0, keys.Filter(chunk)));
            }

            Assert.Equal(guest, received.ToString());
            Assert.Equal(done, string.Join(' ', performed));
        }
    }
}
