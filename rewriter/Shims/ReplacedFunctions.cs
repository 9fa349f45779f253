// The guest functions that a shim pack stands in for, as sites of the plan: the pack's part of RewritePipeline.
using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Scanning;
using Runtime.Abi;

namespace Rewriter.Shims;

/// <summary>Replaced functions of an image; none without a pack.</summary>
sealed class ReplacedFunctions
{
    readonly IReadOnlyDictionary<ulong, FunctionReplacement> _methods;
    readonly List<SensitiveInstruction> _sites = [];

    ReplacedFunctions(IReadOnlyDictionary<ulong, FunctionReplacement> methods) => _methods = methods;

    /// <summary>Whether a replaced function begins at an address; null where none does anywhere.</summary>
    public Predicate<uint>? IsReplaced => _methods.Count == 0 ? null : address => _methods.ContainsKey(address);

    /// <exception cref="ShimPackException">The pack is refused, names what the image does not have, or the mode has no shims.</exception>
    public static ReplacedFunctions Of(ShimPack? pack, ScanResult scan, ExecutionMode mode)
    {
        if (pack is null)
        {
            return new ReplacedFunctions(new Dictionary<ulong, FunctionReplacement>());
        }

        if (mode != ExecutionMode.Para)
        {
            throw new ShimPackException("shim packs need --mode para: in the others a call is not taken over");
        }

        var functions = new ReplacedFunctions(PackBinder.Bind(pack, scan.Image));
        var symbols = new SymbolIndex(scan.Image);
        foreach ((ulong address, FunctionReplacement method) in functions._methods)
        {
            Instruction first = scan.Map.IsInstructionStart(address) ? scan.Map.Decode(address) : default;
            CodeSection? section = scan.Map.SectionAt(address);
            if (first.Length == 0 || section is null)
            {
                throw new ShimPackException($"'{method.Method}' replaces 0x{address:x8}, which is not proven to be an instruction");
            }

            ReadOnlyMemory<byte> code = section.Bytes.Slice((int)(address - section.Address), first.Length);
            functions._sites.Add(new SensitiveInstruction(first, code, SensitivityClass.Replaced, SiteConfidence.High, section.Name,
                symbols.NameOf(address)));
        }

        return functions;
    }

    /// <summary>The sites of a scan, by address, with the functions' first instructions in their places.</summary>
    public IReadOnlyList<SensitiveInstruction> AddTo(IReadOnlyList<SensitiveInstruction> sites) => _sites.Count == 0 ? sites
        : [.. sites.Where(site => !_methods.ContainsKey(site.Address)).Concat(_sites).OrderBy(site => site.Address)];

    /// <summary>A planned site with the method that stands in for its function.</summary>
    public PlannedSite Name(PlannedSite planned) =>
        _methods.TryGetValue(planned.Site.Address, out FunctionReplacement? method) ? planned with { Shim = method.ToString() } : planned;
}
