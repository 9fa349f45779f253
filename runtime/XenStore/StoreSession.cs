// What one guest asks of the store, message by message (docs/misc/xenstore.txt; public/io/xs_wire.h). Requests are the guest's: every length
// and path is checked, and an answer is an error string rather than anything worse.
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Runtime.Abi.Xen;

namespace Runtime.XenStore;

/// <summary>The conversation of the store with one domain.</summary>
/// <param name="send">Takes a whole message to the guest.</param>
internal sealed class StoreSession(Store store, ushort domain, Action<byte[]> send)
{
    /// <summary>Transactions open at once: xenstored's default quota.</summary>
    private const int MaximumTransactions = 10;

    private readonly Dictionary<uint, StoreTransaction> _transactions = [];
    private uint _lastTransaction;

    /// <summary>Answers one request.</summary>
    public void Answer(in StoreMessageHeader request, ReadOnlySpan<byte> payload)
    {
        (StoreError error, byte[] reply) = Perform(request, payload);
        if (error == StoreError.None)
        {
            Send(request.Type, request, reply);
        }
        else
        {
            Send(StoreMessageType.Error, request, Text(error.ToString()));
        }

        if (error == StoreError.None && request.Type == StoreMessageType.Watch)
        {
            // The first event comes after the answer, for whatever there is.
            string[] fields = Fields(payload);
            Notify(fields[0], fields[1]);
        }
    }

    /// <summary>Forgets watches and transactions.</summary>
    public void Reset()
    {
        store.Unwatch(this);
        _transactions.Clear();
    }

    private (StoreError Error, byte[] Reply) Perform(in StoreMessageHeader request, ReadOnlySpan<byte> payload)
    {
        string[] fields = Fields(payload);
        StoreTransaction? transaction = null;
        if (request.TransactionId != 0 && !_transactions.TryGetValue(request.TransactionId, out transaction))
        {
            return Fail(StoreError.ENOENT);
        }

        return request.Type switch
        {
            StoreMessageType.Directory => Look(transaction, fields, StoreAccess.Read, node => Strings(node.Children.Keys)),
            StoreMessageType.Read => Look(transaction, fields, StoreAccess.Read, node => [.. node.Value]),
            StoreMessageType.GetPermissions => Look(transaction, fields, StoreAccess.Read, node => Strings(node.Permissions.Select(permission => permission.ToString()))),
            StoreMessageType.Write => Write(transaction, payload),
            StoreMessageType.MakeDirectory => MakeDirectory(transaction, fields),
            StoreMessageType.Remove => Change(transaction, fields, removed: true, (StoreTree tree, string path, out StoreTree next) => tree.Remove(path, domain, out next)),
            StoreMessageType.SetPermissions => SetPermissions(transaction, fields),
            StoreMessageType.Watch => Watch(fields),
            StoreMessageType.Unwatch => Unwatch(fields),
            StoreMessageType.ResetWatches => ResetWatches(),
            StoreMessageType.TransactionStart => Start(request),
            StoreMessageType.TransactionEnd => End(request, transaction, fields),
            StoreMessageType.GetDomainPath => fields.Length == 1 && TryDomain(fields[0], out ushort asked) ? (StoreError.None, Text(StorePath.Home(asked))) : Fail(StoreError.EINVAL),
            StoreMessageType.IsDomainIntroduced => fields.Length == 1 && TryDomain(fields[0], out ushort known)
                ? (StoreError.None, Text(known == 0 || known == domain ? "T" : "F")) : Fail(StoreError.EINVAL),
            StoreMessageType.Introduce or StoreMessageType.Release or StoreMessageType.Resume or StoreMessageType.SetTarget or StoreMessageType.Control => Fail(StoreError.EACCES),
            _ => Fail(StoreError.ENOSYS),
        };
    }

    private (StoreError, byte[]) Look(StoreTransaction? transaction, string[] fields, StoreAccess access, Func<StoreNode, byte[]> show)
    {
        if (fields.Length != 1 || !StorePath.TryResolve(fields[0], domain, out string path))
        {
            return Fail(StoreError.EINVAL);
        }

        StoreError error = (transaction?.Tree ?? store.Tree).Find(path, domain, access, out StoreNode node);
        if (error != StoreError.None)
        {
            return Fail(error);
        }

        byte[] reply = show(node);
        return reply.Length <= StoreLayout.MaximumPayload ? (StoreError.None, reply) : Fail(StoreError.E2BIG);
    }

    private (StoreError, byte[]) Write(StoreTransaction? transaction, ReadOnlySpan<byte> payload)
    {
        int end = payload.IndexOf((byte)0);
        if (end < 0 || !StorePath.TryResolve(Encoding.UTF8.GetString(payload[..end]), domain, out string path))
        {
            return Fail(StoreError.EINVAL);
        }

        ImmutableArray<byte> value = [.. payload[(end + 1)..]];
        StoreTree tree = transaction?.Tree ?? store.Tree;
        return Settle(transaction, tree.Write(path, domain, value, out StoreTree next), next, path, removed: false);
    }

    private (StoreError, byte[]) MakeDirectory(StoreTransaction? transaction, string[] fields)
        => Change(transaction, fields, removed: false, (StoreTree tree, string path, out StoreTree next) =>
        {
            next = tree;
            return tree.Find(path, domain, StoreAccess.None, out _) == StoreError.None ? StoreError.None : tree.Write(path, domain, null, out next);
        });

    private (StoreError, byte[]) SetPermissions(StoreTransaction? transaction, string[] fields)
    {
        var permissions = ImmutableArray.CreateBuilder<StorePermission>();
        foreach (string field in fields.Skip(1))
        {
            if (!StorePermission.TryParse(field, out StorePermission permission))
            {
                return Fail(StoreError.EINVAL);
            }

            permissions.Add(permission);
        }

        return permissions.Count == 0
            ? Fail(StoreError.EINVAL)
            : Change(transaction, fields[..1], removed: false, (StoreTree tree, string path, out StoreTree next) => tree.SetPermissions(path, domain, permissions.ToImmutable(), out next));
    }

    private delegate StoreError TreeChange(StoreTree tree, string path, out StoreTree next);

    private (StoreError, byte[]) Change(StoreTransaction? transaction, string[] fields, bool removed, TreeChange change)
    {
        if (fields.Length != 1 || !StorePath.TryResolve(fields[0], domain, out string path))
        {
            return Fail(StoreError.EINVAL);
        }

        StoreTree tree = transaction?.Tree ?? store.Tree;
        StoreError error = change(tree, path, out StoreTree next);
        return ReferenceEquals(next, tree) && error == StoreError.None ? Done() : Settle(transaction, error, next, path, removed);
    }

    private (StoreError, byte[]) Settle(StoreTransaction? transaction, StoreError error, StoreTree next, string path, bool removed)
    {
        if (transaction is null)
        {
            error = store.Commit(error, next, path, removed);
        }
        else if (error == StoreError.None)
        {
            transaction.Tree = next;
            transaction.Changes.Add((path, removed));
        }

        return error == StoreError.None ? Done() : Fail(error);
    }

    private (StoreError, byte[]) Watch(string[] fields)
    {
        if (fields.Length != 2 || !TryWatchPath(fields[0], out string path))
        {
            return Fail(StoreError.EINVAL);
        }

        if (store.Watches.Contains(this, path, fields[1]))
        {
            return Fail(StoreError.EEXIST);
        }

        if (store.Watches.CountOf(this) >= StoreWatches.MaximumPerGuest)
        {
            return Fail(StoreError.E2BIG);
        }

        bool isRelative = !fields[0].StartsWith('/') && !fields[0].StartsWith('@');
        string home = StorePath.Home(domain) + "/", token = fields[1];
        store.Watches.Add(this, path, token, changed => Notify(isRelative && changed.StartsWith(home, StringComparison.Ordinal) ? changed[home.Length..] : changed, token));
        return Done();
    }

    private (StoreError, byte[]) Unwatch(string[] fields)
        => fields.Length != 2 || !TryWatchPath(fields[0], out string path) ? Fail(StoreError.EINVAL)
            : store.Watches.Remove(this, path, fields[1]) ? Done() : Fail(StoreError.ENOENT);

    private (StoreError, byte[]) ResetWatches()
    {
        Reset();
        return Done();
    }

    private (StoreError, byte[]) Start(in StoreMessageHeader request)
    {
        if (request.TransactionId != 0)
        {
            return Fail(StoreError.EBUSY);
        }

        if (_transactions.Count >= MaximumTransactions)
        {
            return Fail(StoreError.ENOSPC);
        }

        do
        {
            _lastTransaction++;
        }
        while (_lastTransaction == 0 || _transactions.ContainsKey(_lastTransaction));

        _transactions.Add(_lastTransaction, new StoreTransaction(store.Tree));
        return (StoreError.None, Text(_lastTransaction.ToString(CultureInfo.InvariantCulture)));
    }

    private (StoreError, byte[]) End(in StoreMessageHeader request, StoreTransaction? transaction, string[] fields)
    {
        if (transaction is null || fields is not ["T" or "F"])
        {
            return Fail(transaction is null ? StoreError.ENOENT : StoreError.EINVAL);
        }

        _transactions.Remove(request.TransactionId);
        StoreError error = fields[0] == "T" ? store.Commit(transaction) : StoreError.None;
        return error == StoreError.None ? Done() : Fail(error);
    }

    private void Notify(string path, string token) => Send(StoreMessageType.WatchEvent, default, Strings([path, token]));

    private void Send(StoreMessageType type, in StoreMessageHeader request, byte[] payload)
    {
        var message = new byte[StoreMessageHeader.Size + payload.Length];
        var header = new StoreMessageHeader { Type = type, RequestId = request.RequestId, TransactionId = request.TransactionId, Length = (uint)payload.Length };
        MemoryMarshal.Write(message, header);
        payload.CopyTo(message.AsSpan(StoreMessageHeader.Size));
        send(message);
    }

    /// <summary>@introduceDomain and @releaseDomain can be watched; they never fire here.</summary>
    private bool TryWatchPath(string field, out string path)
    {
        path = field;
        return field is "@introduceDomain" or "@releaseDomain" || StorePath.TryResolve(field, domain, out path);
    }

    private static bool TryDomain(string field, out ushort id) => ushort.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out id);

    private static (StoreError, byte[]) Done() => (StoreError.None, Text("OK"));

    private static (StoreError, byte[]) Fail(StoreError error) => (error, []);

    /// <summary>The zero-terminated strings of a payload; what is behind the last zero is a string too.</summary>
    private static string[] Fields(ReadOnlySpan<byte> payload)
    {
        string text = Encoding.UTF8.GetString(payload);
        string[] fields = text.Split('\0');
        return fields[^1].Length == 0 ? fields[..^1] : fields;
    }

    private static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];

    private static byte[] Strings(IEnumerable<string> texts) => [.. texts.SelectMany(Text)];
}
