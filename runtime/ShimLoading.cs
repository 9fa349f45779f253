using Runtime.Abi;
using Runtime.Loading;
using Runtime.Paravirt;

namespace Runtime;

/// <summary>Brings the shims of a rewritten image into its machine.</summary>
internal static class ShimLoading
{
    /// <summary>Has the image's host-side shims compiled while the guest already runs.</summary>
    /// <param name="note">Is told why shims are not used, one line; on another thread.</param>
    public static ShimLibrary? Start(GuestImage file, string path, EngineHost host, VirtualMachine machine, Action<string> note)
    {
        if (file is not { Plan: { Mode: ExecutionMode.Para } plan, Manifest: { } manifest } || machine.Hypercalls is not { } hypercalls)
        {
            return null;
        }

        return ShimLibrary.Start(plan, manifest, load =>
        {
            if (load.IsMalformed)
            {
                machine.End(Outcome.BadImage($"{path}: {load.Refusal}"));
            }
            else if (load.Refusal is not null)
            {
                note(load.Refusal);
            }
            else
            {
                hypercalls.Load(load.Shims);
                host.Returned.Set([.. load.Shims.Select(shim => shim is not null)], load.Functions);
            }
        });
    }
}
