using Xunit;

namespace Tests.Hosting;

/// <summary>Hosts have this process for themselves: what it starts and uses meanwhile is theirs.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class HostingCollection
{
    public const string Name = "hosting";
}
