using Runtime.Abi.Xen;

namespace Runtime.XenStore;

/// <summary>The nodes that a toolstack makes for a guest (Xen, docs/misc/xenstore-paths.pandoc).</summary>
internal static class GuestNodes
{
    /// <param name="memory">RAM, in bytes.</param>
    public static void Create(Store store, ushort domain, ulong memory)
    {
        string home = StorePath.Home(domain);
        store.SetPermissions("/", new StorePermission(0, StoreAccess.Read));
        store.Write(home, "");
        store.SetPermissions(home, new StorePermission(0, StoreAccess.None), new StorePermission(domain, StoreAccess.Read));
        store.Write(home + "/name", "guest");
        store.Write(home + "/domid", domain.ToString(System.Globalization.CultureInfo.InvariantCulture));
        foreach (string own in new[] { "data", "attr", "drivers", "feature", "device", "control/shutdown" })
        {
            store.Write($"{home}/{own}", "");
            store.SetPermissions($"{home}/{own}", new StorePermission(domain, StoreAccess.None));
        }

        store.Write(home + "/memory/static-max", Kibibytes(memory));
        SetMemoryTarget(store, domain, memory);

        // What the toolstack can ask of the guest; Linux says which of it it knows.
        store.SetPermissions(home + "/control", new StorePermission(domain, StoreAccess.None));
        store.Write(home + "/control/platform-feature-multiprocessor-suspend", "1");
    }

    /// <summary>Tells the guest's balloon driver how much of its RAM to keep.</summary>
    public static void SetMemoryTarget(Store store, ushort domain, ulong bytes) => store.Write(StorePath.Home(domain) + "/memory/target", Kibibytes(bytes));

    private static string Kibibytes(ulong bytes) => (bytes >> 10).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Makes the two ends of a device; the front end is the guest's to write, the back end its to read.</summary>
    public static (string Front, string Back) CreateDevice(Store store, ushort domain, string kind, uint number)
    {
        string front = $"{StorePath.Home(domain)}/device/{kind}/{number}";
        string back = $"{StorePath.Home(DomainId.Control)}/backend/{kind}/{domain}/{number}";
        store.Write(front, "");
        store.SetPermissions(front, new StorePermission(domain, StoreAccess.None), new StorePermission(DomainId.Control, StoreAccess.Both));
        store.Write(back, "");
        store.SetPermissions(back, new StorePermission(DomainId.Control, StoreAccess.None), new StorePermission(domain, StoreAccess.Read));
        return (front, back);
    }
}
