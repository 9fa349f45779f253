using Rewriter.Shims;
using Xunit;

namespace Tests.Shims;

public sealed class ShimCheckerTests
{
    [Theory]
    [InlineData("System.IO.File.Delete(\"x\");", "SHIM001", "reach devices through IShimContext")]
    [InlineData("System.Environment.Exit(1);", "SHIM001", "does not see the host")]
    [InlineData("System.Threading.Thread.Sleep(1);", "SHIM001", "use IShimContext.Halt")]
    [InlineData("vcpu.Eax = (uint)System.Environment.TickCount;", "SHIM001", "does not see the host")]
    [InlineData("vcpu.Eax = (uint)System.DateTime.Now.Ticks;", "SHIM001", "ReadTimeStamp")]
    [InlineData("vcpu.GetType();", "SHIM001", "cannot look at types")]
    [InlineData("var t = typeof(int);", "SHIM002", "TypeOf")]
    [InlineData("var f = N;", "SHIM001", "System.Action")]
    [InlineData("object o = vcpu;", "SHIM001", "object")]
    [InlineData("dynamic d = vcpu; d.Exit();", "SHIM001", "dynamic")]
    [InlineData("int[] a = new int[9];", "SHIM002", "Array")]
    [InlineData("foreach (int i in \"x\") { }", "SHIM002", "ForEach")]
    [InlineData("try { vcpu.Halt(); } catch { }", "SHIM002", "Try")]
    [InlineData("throw new System.Exception();", "SHIM002", "Throw")]
    [InlineData("lock (vcpu) { }", "SHIM002", "Lock")]
    [InlineData("System.Action f = () => { };", "SHIM001", "System.Action")]
    [InlineData("vcpu.Eax = (uint)$\"{vcpu.Ebx}\".Length;", "SHIM002", "Interpolated")]
    [InlineData("unsafe { int x; }", "SHIM002", "Unsafe")]
    [InlineData("System.Runtime.InteropServices.Marshal.ReadInt32(0);", "SHIM001", "native")]
    [InlineData("System.Reflection.Assembly.GetCallingAssembly();", "SHIM001", "cannot look at types")]
    [InlineData("S.WriteLine();", "CS0103", "S")]
    public void BodyIsRefused(string statement, string id, string hint) => Refused($$"""
        using Runtime.Abi.Shims;
        public static class Pack
        {
            static void N() { }
            public static void M(IShimContext vcpu)
            {
                {{statement}}
            }
        }
        """, id, hint, line: 7);

    [Theory]
    [InlineData("static uint counter;", "SHIM003", "keep state in guest memory")]
    [InlineData("static readonly uint counter = 1;", "SHIM003", "keep state in guest memory")]
    [InlineData("[System.Runtime.InteropServices.DllImport(\"c\")] static extern void exit(int code);", "SHIM00", "not permitted")]
    [InlineData("[System.Runtime.CompilerServices.ModuleInitializer] internal static void Start() { }", "SHIM001", "not permitted")]
    [InlineData("static Pack() { }", "SHIM002", "Constructor")]
    [InlineData("static uint P { get; set; }", "SHIM002", "Property")]
    [InlineData("class Q { }", "SHIM004", "static")]
    [InlineData("struct Q { }", "SHIM002", "Struct")]
    [InlineData("delegate void Q();", "SHIM002", "Delegate")]
    [InlineData("static async void M() { }", "SHIM005", "async")]
    public void MemberIsRefused(string member, string id, string hint) => Refused($$"""
        using Runtime.Abi.Shims;
        public static class Pack
        {
            {{member}}
        }
        """, id, hint, line: 4);

    [Fact]
    public void UsingStaticIsSeenThrough() => Refused("""
        using static System.Console;
        using E = System.Environment;
        public static class Pack
        {
            static void M() => E.Exit(1);
        }
        """, "SHIM001", "does not see the host", line: 5);

    [Theory]
    [InlineData("static void A(IShimContext vcpu) => A(vcpu);", 4)]
    [InlineData("static void A(IShimContext vcpu) => B(vcpu); static void B(IShimContext vcpu) => B(vcpu);", 4)]
    [InlineData("static uint A(uint n) { return n == 0 ? 0 : B(n); } static uint B(uint n) { uint C() => A(n - 1); return C(); }", 4)]
    public void RecursionIsRefused(string members, int line) => Refused($$"""
        using Runtime.Abi.Shims;
        public static class Pack
        {
            {{members}}
        }
        """, "SHIM006", "use a loop", line);

    [Fact]
    public void ArithmeticAndGuestStateArePermitted()
    {
        ShimAssembly assembly = ShimCompiler.Compile("pack", [new ShimFile("pack.cs", """
            using Runtime.Abi.Shims;
            namespace Pack;
            public static class Delay
            {
                private const uint Port = 0x80;
                private enum Kind : uint { None, Some }

                [GuestSite(0xc0101234)]
                public static void Wait(IShimContext vcpu)
                {
                    uint sum = 0;
                    for (uint i = 0; i < vcpu.Ecx; i++)
                        sum += vcpu.ReadMemory(SegmentName.Ds, vcpu.Esi + i * 4, 4) >> 3;
                    vcpu.Out((ushort)Port, 1, sum & 0xFF);
                    vcpu.Eax = IsOdd(sum) ? (uint)Kind.Some : 0;
                }

                private static bool IsOdd(uint value) => (value & 1) != 0;
            }
            """)]);
        Assert.Empty(assembly.Diagnostics);
        Assert.True(assembly.IsGood);
    }

    [Fact]
    public void SyntaxErrorHasItsPlace() => Refused("public static class Pack\n{\n    void M( { }\n}\n", "CS1026", ") expected", line: 3);

    private static void Refused(string source, string id, string hint, int line)
    {
        ShimAssembly assembly = ShimCompiler.Compile("pack", [new ShimFile("packs/pack.cs", source)]);
        Assert.False(assembly.IsGood);
        Assert.True(assembly.Assembly.IsEmpty);
        Assert.Contains(assembly.Diagnostics, diagnostic => diagnostic.Id.StartsWith(id, StringComparison.Ordinal) && diagnostic.Message.Contains(hint, StringComparison.Ordinal)
            && diagnostic.File == "packs/pack.cs" && diagnostic.Line == line);
    }
}
