using System.CommandLine;
using Rewriter.Patching;
using Rewriter.Policies;

namespace Rewriter.Commands;

/// <summary>Options by which a pipeline says what it will not have.</summary>
static class PolicyOptions
{
    public static Option<FileInfo?> Policy() => new("--policy")
    {
        Description = "YAML or JSON: what is patched, left or forbidden, by instruction, class, function or address",
        HelpName = "FILE",
    };

    public static Option<FindingKinds> FailOn() => new("--fail-on")
    {
        Description = $"Status {ExitStatus.Findings} when there are any of: {string.Join(", ", Findings.Names.Keys)}",
        HelpName = "FINDING,...",
        CustomParser = Parse,
    };

    /// <exception cref="PolicyException">Unreadable or malformed.</exception>
    public static Policy? Read(FileInfo? file) => file is null ? null : PolicyReader.Read(file.ToString());

    /// <summary>The exit status for a plan; findings are named on standard error.</summary>
    public static int StatusOf(PatchPlan plan, FindingKinds failOn)
    {
        if (Findings.Describe(plan, failOn) is string findings)
        {
            FailureLine.Write(findings);
            return ExitStatus.Findings;
        }

        return RewritePipeline.IsIncomplete(plan) ? ExitStatus.Incomplete : ExitStatus.Good;
    }

    static FindingKinds Parse(System.CommandLine.Parsing.ArgumentResult result)
    {
        FindingKinds kinds = FindingKinds.None;
        foreach (string name in result.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            if (!Findings.Names.TryGetValue(name, out FindingKinds kind))
            {
                result.AddError($"--fail-on knows {string.Join(", ", Findings.Names.Keys)}, not '{name}'");
            }

            kinds |= kind;
        }

        return kinds;
    }
}
