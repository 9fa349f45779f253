namespace Runtime.Commands;

/// <summary>The user asked for something that cannot be done: one line, exit status 2.</summary>
public sealed class UsageException(string what) : Exception(what);
