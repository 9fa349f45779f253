// Where the repository is that the tests were built from: the rules read its sources, the boot tests its guest kernels.
namespace Tests.Boot;

internal static class Repository
{
    /// <summary>Absolute path of the folder with Rewriter.sln.</summary>
    public static string Root { get; } = Find();

    public static string GuestKernels => Path.Combine(Root, "guest-kernels");

    public static string Kernel(string name) => Path.Combine(GuestKernels, "bin", name + ".elf");

    private static string Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Rewriter.sln")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException("no Rewriter.sln above " + AppContext.BaseDirectory);
    }
}
