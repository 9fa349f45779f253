// The store as back ends and commands use it: one present state, watches that fire after a change, transactions that hold or fail whole.
using System.Collections.Immutable;
using System.Text;

namespace Runtime.XenStore;

/// <summary>The XenStore of one machine. Changes are made on the vcpu's thread; <see cref="Tree"/> can be read from any.</summary>
public sealed class Store
{
    private readonly StoreWatches _watches = new();
    private readonly Queue<(string Path, bool Removed)> _fired = new();
    private bool _isFiring;
    private StoreTree _tree = StoreTree.Initial;

    /// <summary>The present state.</summary>
    public StoreTree Tree => Volatile.Read(ref _tree);

    internal StoreWatches Watches => _watches;

    /// <summary>A value as text, or null where there is no node.</summary>
    public string? Read(string path) => Tree.Find(path, 0, StoreAccess.Read, out StoreNode node) == StoreError.None ? Encoding.UTF8.GetString(node.Value.AsSpan()) : null;

    /// <summary>Names below a node; none where there is no node.</summary>
    public IEnumerable<string> List(string path) => Tree.Find(path, 0, StoreAccess.Read, out StoreNode node) == StoreError.None ? node.Children.Keys : [];

    /// <summary>Writes as domain 0.</summary>
    public void Write(string path, string value) => Commit(Tree.Write(path, 0, [.. Encoding.UTF8.GetBytes(value)], out StoreTree next), next, path, removed: false);

    public void Remove(string path) => Commit(Tree.Remove(path, 0, out StoreTree next), next, path, removed: true);

    public void SetPermissions(string path, params ImmutableArray<StorePermission> permissions)
        => Commit(Tree.SetPermissions(path, 0, permissions, out StoreTree next), next, path, removed: false);

    /// <summary>Calls <paramref name="changed"/> now and at each change at or below a path.</summary>
    public void Watch(object owner, string path, Action<string> changed)
    {
        _watches.Add(owner, path, "", changed);
        changed(path);
    }

    public void Unwatch(object owner) => _watches.RemoveAll(owner);

    /// <summary>Makes a state the present one and tells watchers, in the order of changes, each change after the one before is settled.</summary>
    internal StoreError Commit(StoreError error, StoreTree next, string path, bool removed)
    {
        if (error == StoreError.None)
        {
            Volatile.Write(ref _tree, next);
            Announce([(path, removed)]);
        }

        return error;
    }

    internal void Announce(IEnumerable<(string Path, bool Removed)> changes)
    {
        foreach ((string, bool) change in changes)
        {
            _fired.Enqueue(change);
        }

        if (_isFiring)
        {
            return;
        }

        _isFiring = true;
        while (_fired.TryDequeue(out (string Path, bool Removed) next))
        {
            _watches.Fire(next.Path, next.Removed);
        }

        _isFiring = false;
    }

    /// <summary>Makes the outcome of a transaction the present state, if nothing else has changed since it began.</summary>
    internal StoreError Commit(StoreTransaction transaction)
    {
        if (transaction.Changes.Count == 0)
        {
            return StoreError.None;
        }

        if (transaction.Began != _tree)
        {
            return StoreError.EAGAIN;
        }

        Volatile.Write(ref _tree, transaction.Tree);
        Announce(transaction.Changes);
        return StoreError.None;
    }
}

/// <summary>A guest's transaction: its own state of the store, from the one it began with.</summary>
internal sealed class StoreTransaction(StoreTree began)
{
    public StoreTree Began { get; } = began;

    public StoreTree Tree { get; set; } = began;

    public List<(string Path, bool Removed)> Changes { get; } = [];
}
