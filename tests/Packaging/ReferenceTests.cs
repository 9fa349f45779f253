using Runtime.Commands;
using Tests.Images;
using Xunit;

namespace Tests.Packaging;

/// <summary>What is written down about the programs is what they say themselves.</summary>
public sealed class ReferenceTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly string s_rewriter = typeof(Rewriter.RewritePipeline).Assembly.Location;
    private static readonly string s_runtime = typeof(Runtime.VirtualMachine).Assembly.Location;

    private readonly string _directory = Directory.CreateTempSubdirectory("reference-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void TheCommittedReferenceIsTheGeneratedOne()
    {
        string committed = Path.Combine(Fixture.Root, "docs", "reference");
        foreach (string program in new[] { s_rewriter, s_runtime })
        {
            ChildResult result = ChildProcess.Run("dotnet", [program, "reference", _directory], s_limit);
            Assert.Equal((0, ""), (result.ExitStatus, result.Errors));
        }

        Assert.Equal(Directory.GetFiles(committed).Select(Path.GetFileName).Order(), Directory.GetFiles(_directory).Select(Path.GetFileName).Order());
        foreach (string page in Directory.GetFiles(_directory))
        {
            string name = Path.GetFileName(page);
            Assert.True(File.ReadAllText(Path.Combine(committed, name)) == File.ReadAllText(page),
                $"docs/reference/{name} is not what the program says: run `PROGRAM reference docs/reference` for rewriter and runtime");
        }
    }

    [Theory]
    [InlineData("rewriter", "rewriter rewrite --mo", "--mode\n--module\n")]
    [InlineData("rewriter", "rewriter re", "restore\nrewrite\n")]
    [InlineData("runtime", "runtime run --plat", "--platform\n")]
    public void BashCompletesCommandsAndOptions(string program, string line, string expected)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "no bash here");
        string assembly = program == "rewriter" ? s_rewriter : s_runtime;
        string script = $"""
            {program}() {"{"} dotnet '{assembly}' "$@"; {"}"}
            source <({program} completion bash)
            COMP_LINE='{line}'; COMP_POINT=${"{#COMP_LINE}"}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${"{#COMP_WORDS[@]}"} - 1))
            _{program}
            printf '%s\n' "${"{COMPREPLY[@]}"}"
            """;
        ChildResult result = ChildProcess.Run("/bin/bash", ["-c", script], s_limit);
        Assert.Equal((expected, ""), (result.Output, result.Errors));
    }

    [Theory]
    [InlineData("zsh", "#compdef rewriter")]
    [InlineData("fish", "complete -c rewriter")]
    public void OtherShellsGetAScriptToo(string shell, string beginning)
    {
        ChildResult result = ChildProcess.Run("dotnet", [s_rewriter, "completion", shell], s_limit);
        Assert.Equal((0, ""), (result.ExitStatus, result.Errors));
        Assert.StartsWith(beginning, result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownShellIsAUsageError()
    {
        ChildResult result = ChildProcess.Run("dotnet", [s_rewriter, "completion", "csh"], s_limit);
        Assert.Equal(2, result.ExitStatus);
        Assert.Contains("csh", result.Errors, StringComparison.Ordinal);
    }
}
