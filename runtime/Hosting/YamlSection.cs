using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Runtime.Hosting;

/// <summary>A mapping whose keys are taken one by one; what is left over in the end is unknown.</summary>
internal sealed class YamlSection
{
    private readonly string _path;
    private readonly YamlMappingNode _node;
    private readonly HashSet<string> _known = [];

    public YamlSection(string path, YamlMappingNode node) => (_path, _node) = (path, node);

    public FilePlace Place => PlaceOf(_node);

    /// <summary>Where a key's value is, or the section where there is no such key.</summary>
    public FilePlace PlaceOfKey(string key) => Find(key) is YamlNode value ? PlaceOf(value) : Place;

    public string? Text(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode { Value: { } text } => text,
        YamlNode other => throw new DescriptionException(PlaceOf(other), $"{key}: one value is expected"),
    };

    public string RequiredText(string key)
        => Text(key) is { Length: > 0 } text ? text : throw new DescriptionException(PlaceOfKey(key), $"{key} is missing");

    /// <summary>A list of texts; one text is a list of one.</summary>
    public IReadOnlyList<string> Texts(string key) => Find(key) switch
    {
        null => [],
        YamlScalarNode { Value: { Length: > 0 } text } => [text],
        YamlSequenceNode list => [.. list.Children.Select(child
            => child is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw new DescriptionException(PlaceOf(child), $"{key}: a list of names is expected"))],
        YamlNode other => throw new DescriptionException(PlaceOf(other), $"{key}: a list of names is expected"),
    };

    public int? Integer(string key, int least, int most)
        => Text(key) is not string text ? null
            : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most ? value
            : throw new DescriptionException(PlaceOfKey(key), $"{key} {text}: not a whole number from {least} to {most}");

    public decimal? Number(string key)
        => Text(key) is not string text ? null
            : decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out decimal value) ? value
            : throw new DescriptionException(PlaceOfKey(key), $"{key} {text}: not a number that is zero or more");

    /// <summary>One of some words.</summary>
    public T? Choice<T>(string key, params ReadOnlySpan<(string Word, T Value)> choices)
        where T : struct
    {
        if (Text(key) is not string text)
        {
            return null;
        }

        var words = new List<string>();
        foreach ((string word, T value) in choices)
        {
            words.Add(word);
            if (word == text)
            {
                return value;
            }
        }

        throw new DescriptionException(PlaceOfKey(key), $"{key} {text}: not one of {string.Join(", ", words)}");
    }

    public YamlSection? Section(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode mapping => new YamlSection(_path, mapping),
        YamlNode other => throw new DescriptionException(PlaceOf(other), $"{key}: a mapping is expected"),
    };

    public IReadOnlyList<YamlSection> Sections(string key) => Find(key) switch
    {
        null => [],
        YamlSequenceNode list => [.. list.Children.Select(child
            => child is YamlMappingNode mapping ? new YamlSection(_path, mapping) : throw new DescriptionException(PlaceOf(child), $"{key}: a list of mappings is expected"))],
        YamlNode other => throw new DescriptionException(PlaceOf(other), $"{key}: a list is expected"),
    };

    /// <summary>All keys have been taken.</summary>
    /// <exception cref="DescriptionException">One has not.</exception>
    public void Close()
    {
        foreach ((YamlNode key, _) in _node.Children)
        {
            if (key is not YamlScalarNode { Value: { } name } || !_known.Contains(name))
            {
                throw new DescriptionException(PlaceOf(key), $"unknown key {key}; known are {string.Join(", ", _known.Order())}");
            }
        }
    }

    private YamlNode? Find(string key)
    {
        _known.Add(key);
        return _node.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? value) ? value : null;
    }

    private FilePlace PlaceOf(YamlNode node) => new(_path, (int)Math.Max(1, node.Start.Line));
}
