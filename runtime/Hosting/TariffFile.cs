using Runtime.Accounts;

namespace Runtime.Hosting;

/// <summary>A tariff as YAML: <c>currency</c>, and a price for each thing that costs something; what is not named is free.</summary>
public static class TariffFile
{
    /// <exception cref="DescriptionException">Something in it is wrong.</exception>
    public static Tariff Read(string path)
    {
        YamlSection root = YamlFile.Open(path);
        string currency = root.Text("currency") ?? "";
        decimal Price(string key) => root.Number(key) ?? 0;
        var tariff = new Tariff(
            currency, Price("cpu-second"), Price("memory-gib-hour"), Price("disk-million-requests"), Price("disk-gib"), Price("network-gib"), Price("guest-hour"));
        root.Close();
        return tariff;
    }
}
