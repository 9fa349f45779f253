// Policies are YAML, and so JSON too. Whatever is not understood is refused with its place: a typing error must not open a hole.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Rewriter.Images;
using Rewriter.Scanning;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Rewriter.Policies;

/// <summary>
/// Reads policies:
/// <code>
///   rules:                      # the first that matches a site counts
///     - rdtsc: leave
///     - wrmsr in native_*: forbid
///     - trapping in 0xc1000000-0xc1000fff: leave
///     - "*": patch
///   fail-on: [silent-unpatched, low-confidence]
/// </code>
/// </summary>
public sealed partial class PolicyReader
{
    const int LargestPolicy = 1 << 20;
    const int DeepestNesting = 100; // the document and its stream count too

    readonly string _name;

    PolicyReader(string name) => _name = name;

    /// <exception cref="PolicyException">Unreadable or malformed; the message is "FILE:LINE:COLUMN: what".</exception>
    public static Policy Read(string path)
    {
        try
        {
            return BoundedFile.TryRead(path, LargestPolicy) is byte[] bytes
                ? Parse(path, new StreamReader(new MemoryStream(bytes), Encoding.UTF8).ReadToEnd())
                : throw new PolicyException($"{path}: larger than {LargestPolicy >> 20} MiB");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new PolicyException(error is FileNotFoundException or DirectoryNotFoundException ? $"{path}: no such file"
                : Directory.Exists(path) ? $"{path}: is a directory" : $"{path}: {error.Message.TrimEnd('.')}");
        }
    }

    /// <param name="path">For messages; its last part names the policy in manifests.</param>
    /// <exception cref="PolicyException">As for <see cref="Read"/>.</exception>
    public static Policy Parse(string path, string text)
    {
        var reader = new PolicyReader(path);
        try
        {
            reader.RequireShallow(text);
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 1 ? reader.ReadPolicy(stream.Documents[0].RootNode, text)
                : throw new PolicyException($"{path}:1:1: holds {stream.Documents.Count} documents instead of one");
        }
        catch (YamlException error)
        {
            throw new PolicyException($"{path}:{error.Start.Line}:{error.Start.Column}: {FirstLine(error.Message)}");
        }
    }

    // YamlStream recurses into what is nested.
    void RequireShallow(string text)
    {
        var parser = new Parser(new StringReader(text));
        for (int depth = 0; parser.MoveNext();)
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > DeepestNesting)
            {
                Mark at = parser.Current.Start;
                throw new PolicyException($"{_name}:{at.Line}:{at.Column}: nested more than {DeepestNesting} deep");
            }
        }
    }

    // What YamlDotNet says begins with the place once more.
    static string FirstLine(string message) => PlacePrefix().Replace(message.Split('\n')[0], "").TrimEnd('.', '\r');

    Policy ReadPolicy(YamlNode root, string text)
    {
        var rules = new List<PolicyRule>();
        FindingKinds failOn = FindingKinds.None;
        foreach ((YamlNode key, YamlNode value) in Mapping(root, "a policy is a mapping of 'rules' and 'fail-on'"))
        {
            switch (Scalar(key, "a name"))
            {
                case "rules":
                    ReadRules(value, rules);
                    break;
                case "fail-on":
                    failOn = Sequence(value, "'fail-on' is a list").Aggregate(failOn, (kinds, node) => kinds | KindOf(node));
                    break;
                default:
                    throw Bad(key, $"'{key}' is neither 'rules' nor 'fail-on'");
            }
        }

        return new Policy(Path.GetFileName(_name), text.ReplaceLineEndings("\n"), rules, failOn) { Path = _name };
    }

    void ReadRules(YamlNode node, List<PolicyRule> rules)
    {
        IEnumerable<YamlNode> items = node is YamlSequenceNode sequence ? sequence.Children : [node];
        foreach (YamlNode item in items)
        {
            foreach ((YamlNode key, YamlNode value) in Mapping(item, "a rule is 'WHAT: ACTION', for example 'rdtsc: leave'"))
            {
                rules.Add(ReadRule(key, value));
            }
        }
    }

    PolicyRule ReadRule(YamlNode key, YamlNode value)
    {
        string action = Scalar(value, "an action");
        if (!Enum.TryParse(action, true, out PolicyAction parsed) || !Enum.IsDefined(parsed) || char.IsAsciiDigit(action[0]))
        {
            throw Bad(value, $"'{action}' is no action: patch, leave or forbid");
        }

        string selector = Scalar(key, "an instruction, a class or *");
        string[] words = selector.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 1 && (words.Length != 3 || words[1] != "in"))
        {
            throw Bad(key, $"'{selector}' is not 'WHAT' or 'WHAT in WHERE'");
        }

        string what = words[0].ToLowerInvariant();
        if (!IsKnown(what))
        {
            throw Bad(key, $"'{words[0]}' is no sensitive instruction, class (silent, leaking, trapping) or *");
        }

        (string? function, ulong? first, ulong? last) = words.Length == 1 ? (null, null, null) : Where(key, words[2]);
        return new PolicyRule(what, function, first, last, parsed, $"{selector}: {action}", (int)key.Start.Line, (int)key.Start.Column);
    }

    static bool IsKnown(string what) => what is "*" or "silent" or "leaking" or "trapping" || SensitivityTable.ReasonOf(what) is not null;

    (string? Function, ulong? First, ulong? Last) Where(YamlNode node, string where)
    {
        if (!where.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return (where, null, null);
        }

        string[] ends = where.Split('-');
        ulong first = Address(node, ends[0]);
        ulong last = ends.Length == 1 ? first : Address(node, ends[1]);
        return ends.Length <= 2 && first <= last ? (null, first, last) : throw Bad(node, $"'{where}' is no range of addresses");
    }

    ulong Address(YamlNode node, string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            ? address
            : throw Bad(node, $"'{text}' is no address");

    FindingKinds KindOf(YamlNode node) => Findings.Names.TryGetValue(Scalar(node, "a finding"), out FindingKinds kind) ? kind
        : throw Bad(node, $"'{node}' is no finding: {string.Join(", ", Findings.Names.Keys)}");

    IEnumerable<KeyValuePair<YamlNode, YamlNode>> Mapping(YamlNode node, string expected) =>
        node is YamlMappingNode mapping ? mapping.Children : throw Bad(node, expected);

    IEnumerable<YamlNode> Sequence(YamlNode node, string expected) =>
        node is YamlSequenceNode sequence ? sequence.Children : throw Bad(node, expected);

    string Scalar(YamlNode node, string expected) =>
        node is YamlScalarNode { Value: { Length: > 0 } value } ? value : throw Bad(node, $"{expected} is missing here");

    PolicyException Bad(YamlNode node, string what) => new($"{_name}:{node.Start.Line}:{node.Start.Column}: {what}");

    [GeneratedRegex(@"^\(Line: \d+, Col: \d+, Idx: \d+\) - \(Line: \d+, Col: \d+, Idx: \d+\): ")]
    private static partial Regex PlacePrefix();
}
