// Tests that keep both processors of a small host busy run one after the other, and after all others.
using Xunit;

namespace Tests.Engines.Direct;

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class HostProcessorCollection
{
    public const string Name = "Host processor";
}
