// From an image to its code map and sensitive sites. Linux kernels keep code apart from data: there a sweep is right, and descent says
// how sure it is. Everywhere else only descent proves code, and a sweep of the rest yields suspicions.
using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Finds the code of an image and the sensitive instructions in it. Deterministic: the number of workers changes nothing but
/// time.</summary>
public static class Scanner
{
    /// <param name="workers">Threads to decode with; 0 for as many as there are processors.</param>
    public static ScanResult Scan(KernelImage image, int workers = 0)
    {
        var map = new CodeMapBuilder(image);
        List<Instruction> proven = LinuxTables.IsLinux(image)
            ? new CodeOnlyScan(map, workers > 0 ? workers : Environment.ProcessorCount).Run()
            : new MixedScan(map).Run();
        PaddingHoles.Find(map);
        map.Functions.AddRange(image.Symbols.Where(s => s.IsFunction && map.SectionAt(s.Address) is not null).Select(s => s.Address));
        var sites = new SiteCollector(map);
        sites.AddProven(proven);
        sites.AddSuspected();
        return new ScanResult(image, map.Build(), sites.ToList());
    }
}
