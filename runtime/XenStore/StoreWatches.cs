namespace Runtime.XenStore;

/// <summary>Who is told of changes. A watch fires once when it is set, then at each change at or below its path.</summary>
internal sealed class StoreWatches
{
    /// <summary>Watches that one guest may have: xenstored's default quota.</summary>
    public const int MaximumPerGuest = 128;

    private readonly List<Watch> _watches = [];

    public int CountOf(object owner) => _watches.Count(watch => ReferenceEquals(watch.Owner, owner));

    public bool Contains(object owner, string path, string token) => _watches.Exists(watch => watch.Is(owner, path, token));

    /// <param name="fire">Given the path that changed, absolute.</param>
    public void Add(object owner, string path, string token, Action<string> fire) => _watches.Add(new Watch(owner, path, token, fire));

    public bool Remove(object owner, string path, string token) => _watches.RemoveAll(watch => watch.Is(owner, path, token)) != 0;

    public void RemoveAll(object owner) => _watches.RemoveAll(watch => ReferenceEquals(watch.Owner, owner));

    /// <summary>A node has changed; with <paramref name="wasRemoved"/> everything below it too.</summary>
    public void Fire(string changed, bool wasRemoved)
    {
        foreach (Watch watch in _watches.ToArray())
        {
            if (StorePath.IsAtOrBelow(changed, watch.Path))
            {
                watch.Fire(changed);
            }
            else if (wasRemoved && StorePath.IsAtOrBelow(watch.Path, changed))
            {
                watch.Fire(watch.Path);
            }
        }
    }

    private sealed record Watch(object Owner, string Path, string Token, Action<string> Fire)
    {
        public bool Is(object owner, string path, string token) => ReferenceEquals(Owner, owner) && Path == path && Token == token;
    }
}
