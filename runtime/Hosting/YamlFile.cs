// YAML, read strictly: every key is known, every value has one type, and each has a line to point at.
using Runtime.Loading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Runtime.Hosting;

/// <summary>Opens a file whose root is a mapping.</summary>
internal static class YamlFile
{
    private const int MaximumLength = 1 << 18;
    private const int MaximumDepth = 16;

    /// <exception cref="DescriptionException">It is missing, is no YAML, or its root is no mapping.</exception>
    public static YamlSection Open(string path)
    {
        try
        {
            // Not by the file's length: a device has none, and no end.
            using var reader = new StreamReader(path);
            char[] text = new char[MaximumLength + 1];
            int length = reader.ReadBlock(text);
            return length <= MaximumLength
                ? Parse(path, new string(text, 0, length))
                : throw new DescriptionException(new FilePlace(path, 1), $"longer than {MaximumLength >> 10} KiB");
        }
        catch (Exception exception) when (FileTrouble.Is(exception))
        {
            throw new DescriptionException(new FilePlace(path, 1), FileTrouble.Reason(exception, path));
        }
    }

    public static YamlSection Parse(string path, string text)
    {
        try
        {
            CheckDepth(path, text);
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root
                ? new YamlSection(path, root)
                : throw new DescriptionException(new FilePlace(path, 1), "not one YAML document that is a mapping");
        }
        catch (YamlException exception)
        {
            // Its own message repeats the place in its own words.
            string what = exception.Message[(exception.Message.IndexOf("): ", StringComparison.Ordinal) is int at and >= 0 ? at + 3 : 0)..];
            throw new DescriptionException(new FilePlace(path, (int)Math.Max(1, exception.Start.Line)), what.TrimEnd('.'));
        }
    }

    /// <summary>The library builds nodes recursively: a file that is nested for the sake of it must not reach that.</summary>
    private static void CheckDepth(string path, string text)
    {
        var parser = new Parser(new StringReader(text));
        for (int depth = 0; parser.MoveNext();)
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaximumDepth || parser.Current is AnchorAlias)
            {
                string what = parser.Current is AnchorAlias ? "aliases are not supported" : "nested too deeply";
                throw new DescriptionException(new FilePlace(path, (int)parser.Current.Start.Line), what);
            }
        }
    }
}
