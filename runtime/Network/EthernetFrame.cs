// A frame on its way. Its bytes stay where the sender has them, which may be the pages of a guest: they are copied once, by the receiver,
// to where they are wanted. Whoever holds a frame releases it.
namespace Runtime.Network;

/// <summary>An Ethernet frame without preamble and check sequence. A frame from a guest's pages may change under its reader.</summary>
/// <param name="pieces">Together the frame.</param>
/// <param name="released">Called once, on any thread, when nobody reads the frame any more.</param>
/// <param name="isBorrowed">The pieces are the sender's pages, which it may want back before the frame is released.</param>
public sealed class EthernetFrame(ReadOnlyMemory<byte>[] pieces, Action? released = null, bool isBorrowed = false)
{
    public const int HeaderLength = 14, MaximumTransmissionUnit = 1500;

    /// <summary>Header, MTU and a VLAN tag: what goes over a wire at once.</summary>
    public const int LongestOnWire = HeaderLength + 4 + MaximumTransmissionUnit;

    /// <summary>An IP packet that is still to be segmented, and its header.</summary>
    public const int Longest = HeaderLength + 4 + 65_535;

    private readonly Lock? _gate = isBorrowed ? new Lock() : null;
    private ReadOnlyMemory<byte>[] _pieces = pieces;
    private int _holders = 1;
    private bool _isReleased;

    public EthernetFrame(byte[] bytes)
        : this([bytes])
    {
    }

    public int Length { get; } = pieces.Sum(piece => piece.Length);

    /// <summary>The TCP segment size by which the sender wants this cut; 0 for a frame that is to stay whole.</summary>
    public int SegmentSize { get; init; }

    /// <summary>The sender vouches for the data and has not computed the TCP or UDP checksum: its field holds the pseudo-header's sum, or
    /// nothing of use.</summary>
    public bool LacksChecksum { get; init; }

    /// <summary>One more reader, before the frame is given to it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            End();
        }
    }

    /// <summary>The pieces are the sender's pages, which it waits for.</summary>
    public bool IsBorrowed => isBorrowed && !Volatile.Read(ref _isReleased);

    /// <summary>Gives the sender its pages back before the frame is released: whoever holds it goes on with a copy.</summary>
    public void GiveBack()
    {
        if (Detach())
        {
            End();
        }
    }

    /// <summary>Copies from <paramref name="offset"/> on; the number of bytes there were.</summary>
    public int CopyTo(int offset, Span<byte> destination)
    {
        using Lock.Scope held = EnterGate();
        int copied = 0;
        foreach (ReadOnlyMemory<byte> piece in _pieces)
        {
            if (offset >= piece.Length)
            {
                offset -= piece.Length;
                continue;
            }

            if (copied == destination.Length)
            {
                break;
            }

            int part = Math.Min(piece.Length - offset, destination.Length - copied);
            piece.Span.Slice(offset, part).CopyTo(destination[copied..]);
            copied += part;
            offset = 0;
        }

        return copied;
    }

    /// <summary>Shows the pieces of a range, which the callee uses before it returns.</summary>
    public void Read(int offset, int length, Action<IReadOnlyList<ReadOnlyMemory<byte>>> use)
    {
        using Lock.Scope held = EnterGate();
        List<ReadOnlyMemory<byte>> range = new(_pieces.Length);
        foreach (ReadOnlyMemory<byte> piece in _pieces)
        {
            if (offset >= piece.Length)
            {
                offset -= piece.Length;
                continue;
            }

            int part = Math.Min(piece.Length - offset, length);
            if (part == 0)
            {
                break;
            }

            range.Add(piece.Slice(offset, part));
            length -= part;
            offset = 0;
        }

        use(range);
    }

    /// <summary>The sender wants its pages back: whoever still has the frame reads a copy from now on.</summary>
    /// <returns>False when they are the sender's again already: they must not be read any more.</returns>
    public bool Detach()
    {
        using Lock.Scope held = EnterGate();
        if (_isReleased)
        {
            return false;
        }

        byte[] copy = new byte[Length];
        int done = 0;
        foreach (ReadOnlyMemory<byte> piece in _pieces)
        {
            piece.CopyTo(copy.AsMemory(done));
            done += piece.Length;
        }

        _pieces = [copy];
        return true;
    }

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        CopyTo(0, bytes);
        return bytes;
    }

    /// <summary>Tells the sender, once. Nobody is copying the pieces then, nor begins to.</summary>
    private void End()
    {
        using (Lock.Scope held = EnterGate())
        {
            if (_isReleased)
            {
                return;
            }

            Volatile.Write(ref _isReleased, true);
        }

        released?.Invoke();
    }

    private Lock.Scope EnterGate() => _gate is null ? default : _gate.EnterScope();
}
