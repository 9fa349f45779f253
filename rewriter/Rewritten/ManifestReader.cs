// Manifests are untrusted: this turns one into a plan only if everything in it fits the image that it came with.
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Rewritten;

/// <summary>Validates a manifest against the original image.</summary>
sealed class ManifestReader(KernelImage image, Manifest manifest)
{
    const int LongestTrampoline = 4096;
    const int LongestPatch = 64;

    // Of an object there is no window: trampolines lie behind the code of their section.
    bool IsObject => image.Format == ImageFormat.Elf32Object;

    readonly CodeMapBuilder _map = new(image);

    /// <summary>The plan, equal to the one that was written.</summary>
    /// <exception cref="BadImageException">Something does not fit; the message says what and at which address.</exception>
    public PatchPlan ReadPlan()
    {
        if (!Enum.TryParse(manifest.Mode, true, out ExecutionMode mode) || !Enum.IsDefined(mode))
        {
            throw new BadImageException($"manifest names mode '{manifest.Mode}', which does not exist");
        }

        if (manifest.WindowBase % MonitorWindow.Alignment != 0 || (manifest.WindowBase == 0) != IsObject)
        {
            throw new BadImageException($"manifest names a monitor window at 0x{manifest.WindowBase:x8}");
        }

        if (manifest.Assembly.Length != 0 && Manifest.DigestOf(manifest.Assembly) != manifest.AssemblyDigest)
        {
            throw new BadImageException("the shim assembly does not match its digest");
        }

        // The serializer lets null elements pass.
        if (manifest.Sites.Any(s => s is null) || manifest.Patches.Any(p => p is null)
            || manifest.Pack?.Any(p => p is null) == true)
        {
            throw new BadImageException("manifest lists a site, patch or file that is null");
        }

        List<PlannedSite> sites = ReadSites();
        List<Patch> patches = ReadPatches();
        RequireDisjointTrampolines(patches);
        RequirePatched(sites, patches);
        return new PatchPlan(mode, manifest.WindowBase, sites, patches);
    }

    List<PlannedSite> ReadSites()
    {
        CodeMapBuilder map = _map;
        var sites = new List<PlannedSite>(manifest.Sites.Length);
        ulong last = 0;
        foreach (ManifestSite site in manifest.Sites)
        {
            if (sites.Count != 0 && site.Address <= last)
            {
                throw Bad(site.Address, "is out of order");
            }

            last = site.Address;
            map.Decode(site.Address, out Instruction instruction);
            bool isReplaced = site.Class == (int)SensitivityClass.Replaced && FunctionReplacement.TryParse(site.Shim) is not null;
            SensitivityClass sensitivity = SensitivityClass.Replaced;
            if (instruction.Length == 0 || instruction.Length != site.Length
                || (!isReplaced && (!SensitivityTable.TryClassify(instruction, out sensitivity) || (int)sensitivity != site.Class)))
            {
                throw Bad(site.Address, "is not the instruction that the manifest describes");
            }

            if (!Enum.IsDefined((SiteConfidence)site.Confidence) || !Enum.IsDefined((PatchTactic)site.Tactic)
                || (PatchTactic)site.Tactic == PatchTactic.Evicted)
            {
                throw Bad(site.Address, "has a confidence or tactic that does not exist");
            }

            CodeSection section = map.SectionAt(site.Address)!;
            ReadOnlyMemory<byte> code = section.Bytes.Slice((int)(site.Address - section.Address), site.Length);
            var found = new SensitiveInstruction(instruction, code, sensitivity, (SiteConfidence)site.Confidence, section.Name,
                site.Symbol);
            sites.Add(new PlannedSite(sites.Count, found, (PatchTactic)site.Tactic, site.Shim, site.Reason));
        }

        return sites;
    }

    List<Patch> ReadPatches()
    {
        var patches = new List<Patch>(manifest.Patches.Length);
        ulong end = 0;
        foreach (ManifestPatch patch in manifest.Patches)
        {
            if (patch.Address < end)
            {
                throw Bad(patch.Address, "overlaps the patch before it");
            }

            if (patch.New.Length is 0 or > LongestPatch || patch.Original.Length != patch.New.Length
                || !Enum.IsDefined((PatchTactic)patch.Tactic))
            {
                throw Bad(patch.Address, "has an impossible length or tactic");
            }

            int offset = ImagePatches.FileOffset(image, patch.Address, patch.New.Length);
            if (!image.Payload.Span.Slice(offset, patch.Original.Length).SequenceEqual(patch.Original))
            {
                throw Bad(patch.Address, "does not hold the bytes that the manifest calls original");
            }

            end = (ulong)patch.Address + (ulong)patch.New.Length;
            RequireInWindow(patch);
            patches.Add(new Patch(patch.Address, patch.Original, patch.New, (PatchTactic)patch.Tactic, patch.Trampoline, patch.Code,
                ReadMap(patch))
            {
                Landing = patch.Landing,
            });
        }

        return patches;
    }

    void RequireInWindow(ManifestPatch patch)
    {
        if (patch.Code.Length == 0)
        {
            return;
        }

        ulong first = (ulong)manifest.WindowBase + MonitorWindow.TrampolineOffset;
        ulong end = (ulong)manifest.WindowBase + MonitorWindow.Size;
        if (IsObject)
        {
            CodeSection section = _map.SectionAt(patch.Address) ?? throw Bad(patch.Address, "lies outside the code");
            (first, end) = (ObjectPlanner.FirstTrampoline(section), ObjectPlanner.EndOfRoom(section));
        }

        if (patch.Code.Length > LongestTrampoline || patch.Trampoline < first || patch.Trampoline + (ulong)patch.Code.Length > end)
        {
            throw Bad(patch.Address, "has a trampoline outside the monitor window");
        }
    }

    static List<TrampolineMapEntry> ReadMap(ManifestPatch patch)
    {
        var map = new List<TrampolineMapEntry>(patch.Map.Length / 3);
        for (int i = 0; i + 2 < patch.Map.Length; i += 3)
        {
            bool isAscending = i == 0 || patch.Map[i] >= patch.Map[i - 3];
            if (!isAscending || patch.Map[i] > patch.Code.Length || patch.Map[i + 2] > 1)
            {
                throw Bad(patch.Address, "has a trampoline map that is out of order");
            }

            map.Add(new TrampolineMapEntry((int)patch.Map[i], patch.Map[i + 1], patch.Map[i + 2] != 0));
        }

        return patch.Map.Length % 3 == 0 ? map : throw Bad(patch.Address, "has a trampoline map that is cut short");
    }

    static void RequireDisjointTrampolines(List<Patch> patches)
    {
        ulong end = 0;
        foreach (Patch patch in patches.Where(p => p.Trampoline.Length != 0).OrderBy(p => p.TrampolineAddress))
        {
            if (patch.TrampolineAddress < end)
            {
                throw Bad(patch.Address, "has a trampoline that overlaps another");
            }

            end = patch.TrampolineAddress + (ulong)patch.Trampoline.Length;
        }
    }

    /// <summary>A site that is taken over lies in a patch, one that is left alone does not begin one.</summary>
    static void RequirePatched(List<PlannedSite> sites, List<Patch> patches)
    {
        int at = 0;
        foreach (PlannedSite site in sites)
        {
            while (at < patches.Count && patches[at].Address + (ulong)patches[at].NewBytes.Length <= site.Site.Address)
            {
                at++;
            }

            bool isCovered = at < patches.Count && patches[at].Address <= site.Site.Address;
            if (site.Tactic != PatchTactic.Leave && !isCovered)
            {
                throw Bad((uint)site.Site.Address, "is said to be patched, but no patch covers it");
            }
        }
    }

    static BadImageException Bad(uint address, string what) => new($"manifest: 0x{address:x8} {what}");
}
