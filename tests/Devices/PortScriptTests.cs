using Xunit;

namespace Tests.Devices;

public sealed class PortScriptTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Devices", "Cases");

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (string path in Directory.GetFiles(Folder, "*.txt").Order(StringComparer.Ordinal))
        {
            foreach (PortScript script in PortScript.Read(path))
            {
                cases.Add(Path.GetFileName(path), script.Name);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DriverSeesWhatTheDataSheetSays(string file, string name)
        => PortScript.Read(Path.Combine(Folder, file)).Single(script => script.Name == name).Run();
}
