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
        return image.HasWindow ? IsFromCatalog(site, code, place) : IsMoved(site, code);
    }

    /// <summary>Of an object: what traps by itself is the same bytes; the rest has Xen's forced emulation prefix, so that it traps.</summary>
    bool IsMoved(PlannedSite site, ReadOnlyMemory<byte> code)
    {
        ReadOnlySpan<byte> original = site.Site.Code.Span;
        return site.Site.Class == SensitivityClass.Trapping
            ? site.Shim == ShimCatalog.MovedName && code.Span.SequenceEqual(original)
            : site.Shim == ShimCatalog.PrefixName && code.Span.StartsWith(EmulatePrefix.Bytes) && code.Span[EmulatePrefix.Length..].SequenceEqual(original);
    }

    bool IsFromCatalog(PlannedSite site, ReadOnlyMemory<byte> code, uint place)
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
