namespace Rewriter.Commands;

/// <summary>An output file cannot be written.</summary>
public sealed class OutputFailure(string path, string why) : Exception($"{path}: cannot be written: {why}");
