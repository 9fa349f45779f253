// Every guest-side shim against its committed listing. To accept a change: REWRITER_GOLDEN=write dotnet test, then read the diff.
using System.Runtime.CompilerServices;
using Iced.Intel;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Shims;

public sealed class StubGoldenTests
{
    private const int SiteIndex = 0x1234;

    /// <summary>Name of the listing, bytes of the instruction; the name says what the shim must do.</summary>
    public static TheoryData<string, string> Stubs() => new()
    {
        { "cli", "fa" },
        { "sti", "fb" },
        { "pushfd", "9c" },
        { "pushfw", "669c" },
        { "popfd", "9d" },
        { "popfw", "669d" },
        { "mov-eax-cs", "8cc8" },
        { "mov-cx-gs", "668ce9" },
        { "mov-mem-ds", "8c5c8b08" },
        { "mov-gs-mem-fs", "658c2500100000" },
        { "push-fs", "0fa0" },
        { "push-cs-word", "660e" },
        { "mov-eax-cr0", "0f20c0" },
        { "mov-edi-cr4", "0f20e7" },
        { "mov-esp-cr3", "0f20dc" },
        { "smsw-eax", "0f01e0" },
        { "smsw-ax", "660f01e0" },
        { "smsw-mem", "0f0120" },
        { "sldt-edx", "0f00c2" },
        { "str-bx", "660f00cb" },
        { "str-mem-16-bit-address", "670f0008" },
        { "sgdt", "0f0145f8" },
        { "sidt-esp", "0f014c24fe" },
        { "sidt-fs", "640f010d34120000" },
        { "rdtsc", "0f31" },
        { "wbinvd", "0f09" },
        { "mov-ds-eax", "8ed8" },
        { "mov-fs-dx", "668ee2" },
        { "pop-gs", "0fa9" },
        { "gate-mov-ss", "8ed0" },
        { "gate-mov-es-mem", "8e00" },
        { "gate-hlt", "f4" },
        { "gate-mov-dr", "0f23f8" },
        { "iret", "cf" },
        { "verw-cs-mem", "2e0f002d009491c1" },
        { "verw-ax", "0f00e8" },
        { "out-20h-al", "e620" },
        { "out-21h-al", "e621" },
        { "out-80h-al", "e680" },
        { "in-al-a1h", "e4a1" },
        { "gate-out-70h-al", "e670" },
        { "gate-out-20h-eax", "e720" },
    };

    [Theory]
    [MemberData(nameof(Stubs))]
    public void StubIsAsListed(string name, string bytes) => Compare(name, bytes, userMode: false);

    [Fact]
    public void UserModeEntersTheKernelByTheSwitcher() => Compare("user-mode-int-80", "cd80", userMode: true);

    [Fact]
    public void OtherwiseUserModeHasOnlyTheGate() => Compare("gate-user-mode-pushfd", "9c", userMode: true);

    private static void Compare(string name, string bytes, bool userMode)
    {
        Instruction instruction = Decoder.Create(32, Convert.FromHexString(bytes), 0xC0101234u).Decode();
        var stub = new StubAssembler(MonitorWindow.DefaultBase, userMode);
        Shim shim = new ShimCatalog(userMode).Find(instruction);
        shim.Emit(stub, instruction, SiteIndex);
        using var stream = new MemoryStream();
        const uint Address = MonitorWindow.DefaultBase + MonitorWindow.TrampolineOffset;
        stub.Code.Assemble(new StreamCodeWriter(stream), Address);
        string listing = $"; {instruction}\n; shim: {shim.Name}\n{StubListing.Of(stream.ToArray(), Address)}";
        Golden.Check(Path.Combine(Here(), "Golden", name + ".txt"), listing);
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
