using System.Reflection;
using System.Runtime.Loader;
using Iced.Intel;
using Rewriter.Shims;
using Runtime.Abi.Shims;
using Runtime.Engines;
using Tests.Shims;
using Xunit;

namespace Tests.Paravirt;

/// <summary>For every kind of shim, in random states: the shim does what the interpreter does, faults included.</summary>
public sealed class ShimEquivalenceTests
{
    private const int StatesPerShim = 300;

    private static readonly Lazy<Dictionary<string, Action<IShimContext>>> Shims = new(Compile);

    [Theory]
    [MemberData(nameof(ShimSourceTests.Bodies), MemberType = typeof(ShimSourceTests))]
    public void ShimDoesWhatTheInterpreterDoes(string bytes, string body)
    {
        byte[] instruction = Convert.FromHexString(bytes);
        int length = Decoder.Create(32, instruction, 0xC010_1234u).Decode().Length;
        using var interpreted = new ShimMachine();
        using var performed = new ShimMachine();
        for (int seed = 0; seed < StatesPerShim; seed++)
        {
            interpreted.Reset(new Random(seed), instruction);
            performed.Reset(new Random(seed), instruction);
            string before = interpreted.ToString();
            VmExitReason expected = interpreted.Interpret();
            VmExitReason actual = performed.Perform(Shims.Value[bytes], length);
            Assert.True(expected == actual && interpreted.ToString() == performed.ToString(), $"{body}, seed {seed}\nfrom {before}\n{expected} {interpreted}\n{actual} {performed}");
            Assert.True(interpreted.Memory.SequenceEqual(performed.Memory), $"{body}, seed {seed}: memory differs");
        }
    }

    private static Dictionary<string, Action<IShimContext>> Compile()
    {
        string[][] rows = [.. ShimSourceTests.Bodies().Select(row => new[] { row.Data.Item1, row.Data.Item2 })];
        IEnumerable<string> methods = rows.Select(row => $"public static void M{row[0]}(IShimContext vcpu) => {row[1]};");
        ShimAssembly compiled = ShimCompiler.Compile("bodies", [new ShimFile("bodies.cs", $"using Runtime.Abi.Shims; public static class C {{ {string.Join('\n', methods)} }}")]);
        Assert.Empty(compiled.Diagnostics);
        Type type = new AssemblyLoadContext("bodies").LoadFromStream(new MemoryStream(compiled.Assembly.ToArray())).GetType("C")!;
        return rows.ToDictionary(row => row[0], row => type.GetMethod("M" + row[0], BindingFlags.Static | BindingFlags.Public)!.CreateDelegate<Action<IShimContext>>());
    }
}
