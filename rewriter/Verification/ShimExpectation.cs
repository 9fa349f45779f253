using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;

namespace Rewriter.Verification;

/// <summary>What the catalogue gives for a site, assembled by itself: a shim that a trampoline holds must be that.</summary>
sealed class ShimExpectation(VerifiedImage image)
{
    readonly ShimCatalog _catalog = new(isReplaced: address => image.SiteAt(address)?.Site.Class == SensitivityClass.Replaced);

    public bool IsShim(PlannedSite site, ReadOnlyMemory<byte> code, uint place)
    {
        var stub = new StubAssembler(image.Plan.WindowBase, userMode: false);
        Shim shim = _catalog.Find(site.Site.Instruction);
        shim.Emit(stub, site.Site.Instruction, site.Index);
        using var stream = new MemoryStream();
        stub.Code.zero_bytes(); // carries a label that the shim may end with; encodes to nothing
        stub.Code.Assemble(new StreamCodeWriter(stream), place);
        bool isNamed = shim.Name == site.Shim || (site.Site.Class == SensitivityClass.Replaced && FunctionReplacement.TryParse(site.Shim) is not null);
        return isNamed && code.Span.SequenceEqual(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }
}
