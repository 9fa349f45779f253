// The store's contents, as a persistent tree: a change makes a new root and shares the rest. Everything that can go wrong is a StoreError.
using System.Collections.Immutable;

namespace Runtime.XenStore;

/// <summary>What the store answers instead of a result; the names go over the wire (public/io/xs_wire.h, xsd_errors).</summary>
public enum StoreError
{
    None,
    EINVAL,
    EACCES,
    EEXIST,
    EISDIR,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ENOSYS,
    EAGAIN,
    EPERM,
    E2BIG,
    EBUSY,
}

/// <summary>One state of the store; operations give the next. Safe to read from any thread.</summary>
public sealed class StoreTree(StoreNode root)
{
    /// <summary>Nodes below one parent, and bytes of a value: what xenstored allows a guest by default.</summary>
    private const int MaximumChildren = 1000, MaximumValue = 2048, MaximumDepth = 64;

    public static StoreTree Initial { get; } = new(StoreNode.Empty([new StorePermission(0, StoreAccess.None)]));

    public StoreNode Root => root;

    /// <summary>The node at a path, for somebody who may read it.</summary>
    public StoreError Find(string path, ushort domain, StoreAccess access, out StoreNode node)
    {
        node = root;
        foreach (string name in StorePath.Split(path))
        {
            if (!node.Children.TryGetValue(name, out StoreNode? child))
            {
                return node.Permits(domain, StoreAccess.Read) ? StoreError.ENOENT : StoreError.EACCES;
            }

            node = child;
        }

        return node.Permits(domain, access) ? StoreError.None : StoreError.EACCES;
    }

    /// <summary>Gives a node a value, making it and what is missing above it.</summary>
    /// <param name="value">Null: only make the node.</param>
    public StoreError Write(string path, ushort domain, ImmutableArray<byte>? value, out StoreTree next)
    {
        next = this;
        string[] names = StorePath.Split(path);
        if (names.Length > MaximumDepth)
        {
            return StoreError.EINVAL;
        }

        if (value is { Length: > MaximumValue } && domain != 0)
        {
            return StoreError.ENOSPC;
        }

        StoreError error = Change(root, names, domain, Make, out StoreNode? changed);
        next = error == StoreError.None ? new StoreTree(changed!) : this;
        return error;

        StoreError Make(StoreNode? old, StoreNode parent, out StoreNode? made)
        {
            made = old;
            if (!(old ?? parent).Permits(domain, StoreAccess.Write))
            {
                return StoreError.EACCES;
            }

            made = old ?? StoreNode.Empty(Inherited(parent, domain));
            made = value is { } bytes ? made with { Value = bytes } : made;
            return StoreError.None;
        }
    }

    /// <summary>Takes a node away with all below it. One that is not there is gone already, if its parent is there.</summary>
    public StoreError Remove(string path, ushort domain, out StoreTree next)
    {
        next = this;
        string[] names = StorePath.Split(path);
        if (names.Length == 0)
        {
            return StoreError.EINVAL;
        }

        StoreError found = Find(path, domain, StoreAccess.Write, out _);
        if (found != StoreError.None)
        {
            string parent = "/" + string.Join('/', names[..^1]);
            return found == StoreError.ENOENT && Find(parent, domain, StoreAccess.None, out _) == StoreError.None ? StoreError.None : found;
        }

        StoreError error = Change(root, names, domain, (StoreNode? old, StoreNode parent, out StoreNode? made) => Discard(out made), out StoreNode? changed);
        next = new StoreTree(changed!);
        return error;

        static StoreError Discard(out StoreNode? made)
        {
            made = null;
            return StoreError.None;
        }
    }

    /// <summary>Sets who may do what. Only the owner, and domain 0, may; only domain 0 gives a node away.</summary>
    public StoreError SetPermissions(string path, ushort domain, ImmutableArray<StorePermission> permissions, out StoreTree next)
    {
        next = this;
        StoreError error = Find(path, domain, StoreAccess.None, out StoreNode node);
        if (error != StoreError.None)
        {
            return error;
        }

        if (domain != 0 && (node.Owner != domain || permissions[0].Domain != domain))
        {
            return StoreError.EACCES;
        }

        error = Change(root, StorePath.Split(path), domain, Set, out StoreNode? changed);
        next = error == StoreError.None ? new StoreTree(changed!) : this;
        return error;

        StoreError Set(StoreNode? old, StoreNode parent, out StoreNode? made)
        {
            made = old! with { Permissions = permissions };
            return StoreError.None;
        }
    }

    private delegate StoreError NodeChange(StoreNode? old, StoreNode parent, out StoreNode? changed);

    private static StoreError Change(StoreNode node, ReadOnlySpan<string> names, ushort domain, NodeChange change, out StoreNode? changed)
    {
        if (names.IsEmpty)
        {
            return change(node, node, out changed);
        }

        changed = node;
        node.Children.TryGetValue(names[0], out StoreNode? child);
        if (child is null && node.Children.Count >= MaximumChildren && domain != 0)
        {
            return StoreError.ENOSPC;
        }

        StoreNode? result;
        StoreError error;
        if (names.Length == 1)
        {
            error = change(child, node, out result);
        }
        else
        {
            if (child is null && !node.Permits(domain, StoreAccess.Write))
            {
                return StoreError.EACCES;
            }

            error = Change(child ?? StoreNode.Empty(Inherited(node, domain)), names[1..], domain, change, out result);
        }

        if (error == StoreError.None)
        {
            changed = node with { Children = result is null ? node.Children.Remove(names[0]) : node.Children.SetItem(names[0], result) };
        }

        return error;
    }

    /// <summary>A new node has its parent's permissions, but belongs to whom made it.</summary>
    private static ImmutableArray<StorePermission> Inherited(StoreNode parent, ushort domain)
        => domain == 0 ? parent.Permissions : parent.Permissions.SetItem(0, parent.Permissions[0] with { Domain = domain });
}
