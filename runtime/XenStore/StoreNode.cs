using System.Collections.Immutable;

namespace Runtime.XenStore;

/// <summary>What others may do with a node.</summary>
[Flags]
public enum StoreAccess
{
    None = 0,
    Read = 1,
    Write = 2,
    Both = 3,
}

/// <summary>One entry of a node's permissions. The first entry of a list names the owner, who may do everything, and what all domains may
/// that no other entry names.</summary>
public readonly record struct StorePermission(ushort Domain, StoreAccess Access)
{
    /// <summary>As it goes over the wire: a letter and a number (docs/misc/xenstore.txt).</summary>
    public override string ToString() => "nrwb"[(int)Access] + Domain.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static bool TryParse(string text, out StorePermission permission)
    {
        permission = default;
        int access = text.Length > 1 ? "nrwb".IndexOf(text[0], StringComparison.Ordinal) : -1;
        if (access < 0 || !ushort.TryParse(text.AsSpan(1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ushort domain))
        {
            return false;
        }

        permission = new StorePermission(domain, (StoreAccess)access);
        return true;
    }
}

/// <summary>A node: a value, permissions and children. Immutable, so that a transaction, or somebody on another thread, keeps what it has seen.</summary>
public sealed record StoreNode(ImmutableArray<byte> Value, ImmutableArray<StorePermission> Permissions, ImmutableSortedDictionary<string, StoreNode> Children)
{
    public static readonly ImmutableSortedDictionary<string, StoreNode> NoChildren = ImmutableSortedDictionary.Create<string, StoreNode>(StringComparer.Ordinal);

    /// <summary>A node without value and children.</summary>
    public static StoreNode Empty(ImmutableArray<StorePermission> permissions) => new([], permissions, NoChildren);

    public ushort Owner => Permissions[0].Domain;

    /// <summary>Whether a domain may do something with the node itself. Domain 0 may everything.</summary>
    public bool Permits(ushort domain, StoreAccess access)
    {
        if (domain == 0 || domain == Owner)
        {
            return true;
        }

        foreach (StorePermission permission in Permissions.AsSpan()[1..])
        {
            if (permission.Domain == domain)
            {
                return (permission.Access & access) == access;
            }
        }

        return (Permissions[0].Access & access) == access;
    }
}
