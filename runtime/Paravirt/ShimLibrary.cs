// The host-side shims of a rewritten image. Compiling them takes longer than starting a guest, so that is done beside it: until the
// shims are there, the interpreter performs what sites ask for.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Rewriter;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi.Shims;

namespace Runtime.Paravirt;

/// <summary>What came of a manifest's shims.</summary>
/// <param name="Shims">By site index of the plan; null for sites without.</param>
/// <param name="Refusal">Why they are not used, one line, else null.</param>
/// <param name="IsMalformed">The source is no C#, or the guest's functions are to be replaced by what cannot be used: the image is
/// bad.</param>
public sealed record ShimLoad(HostShim?[] Shims, string? Refusal, bool IsMalformed)
{
    /// <summary>Site indices of the functions that a shim pack replaces, by their linear address.</summary>
    public IReadOnlyDictionary<uint, uint> Functions { get; init; } = new Dictionary<uint, uint>();
}

/// <summary>Compiles, verifies and loads the shims of one image. Disposing it lets the runtime unload them.</summary>
public sealed class ShimLibrary : IDisposable
{
    private readonly AssemblyLoadContext _context = new("shims", isCollectible: true);
    private readonly Lock _gate = new();
    private bool _isDisposed;

    /// <summary>Loads shims on another thread; those that the plan does not give are looked into at once, so that what is wrong with an
    /// image does not depend on how fast its guest is, and so are those of a shim pack, without which the guest does something else.</summary>
    /// <param name="done">Called once, on either thread.</param>
    public static ShimLibrary Start(PatchPlan plan, Manifest manifest, Action<ShimLoad> done)
    {
        var library = new ShimLibrary();
        if (manifest.Pack is not null || RewritePipeline.ShimSourceOf(plan, manifest.OriginalDigest) != manifest.Source)
        {
            done(library.Load(plan, manifest));
            return library;
        }

        var thread = new Thread(() => done(library.Load(plan, manifest))) { IsBackground = true, Name = "shims", Priority = ThreadPriority.BelowNormal };
        thread.Start();
        return library;
    }

    /// <summary>
    /// Compiles the manifest's source and loads what came out of it, provided that it passes the check of permitted APIs, that it is what
    /// the manifest said it would be, and that it is what the plan gives: a shim from elsewhere would run with the monitor's time.
    /// </summary>
    public ShimLoad Load(PatchPlan plan, Manifest manifest)
    {
        ShimAssembly compiled = RewritePipeline.CompileShims(manifest);
        if (!compiled.IsGood && compiled.Diagnostics.All(diagnostic => diagnostic.IsFromCompiler))
        {
            ShimDiagnostic error = compiled.Diagnostics[0];
            return new ShimLoad([], $"the shims of the manifest do not compile: {error.File}({error.Line},{error.Column}): {error.Message}", IsMalformed: true);
        }

        string? refusal = !compiled.IsGood ? $"{compiled.Diagnostics[0].File}({compiled.Diagnostics[0].Line}): {compiled.Diagnostics[0].Message}"
            : compiled.Sha256 != manifest.AssemblyDigest ? "their source does not compile to the assembly that the manifest names"
            : RewritePipeline.ShimSourceOf(plan, manifest.OriginalDigest) != manifest.Source ? "they are not those that the plan calls for"
            : null;
        return refusal is null
            ? new ShimLoad(Bind(plan, compiled), null, IsMalformed: false) { Functions = FunctionsOf(plan) }
            : new ShimLoad([], "the image's shims are not used: " + refusal, IsMalformed: manifest.Pack is not null);
    }

    private static Dictionary<uint, uint> FunctionsOf(PatchPlan plan) => plan.Sites
        .Where(site => site.Site.Class == SensitivityClass.Replaced && site.Tactic != PatchTactic.Leave)
        .ToDictionary(site => (uint)site.Site.Address, site => (uint)site.Index);

    /// <summary>Does not wait for a load that is under way; its shims then stay until the process ends.</summary>
    public void Dispose()
    {
        if (_gate.TryEnter())
        {
            _isDisposed = true;
            _context.Unload();
            _gate.Exit();
        }
    }

    private HostShim?[] Bind(PatchPlan plan, ShimAssembly compiled)
    {
        using Lock.Scope held = _gate.EnterScope();
        var shims = new HostShim?[plan.Sites.Count];
        if (_isDisposed)
        {
            return shims;
        }

        Type sites = _context.LoadFromStream(new MemoryStream(compiled.Assembly.ToArray())).GetType(ShimSource.TypeName, throwOnError: true)!;
        foreach (PlannedSite site in plan.Sites)
        {
            if (sites.GetMethod(ShimSource.MethodName((uint)site.Site.Address), BindingFlags.Public | BindingFlags.Static) is MethodInfo method)
            {
                // Compiled to machine code now, rather than when a guest waits for it.
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
                shims[site.Index] = new HostShim(method.CreateDelegate<Action<IShimContext>>(), site.Site.Code.Length);
            }
        }

        return shims;
    }
}
