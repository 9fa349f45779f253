// Per guest frame: whether patched copies of it exist, and which shadow pages show it.
namespace Runtime.Engines.Direct.Paging;

/// <summary>The reverse map of the shadow: from a guest frame to the pages of address spaces that are filled with it.</summary>
internal sealed class FrameTable(uint frameCount)
{
    private const int None = -1;

    private readonly int[] _first = NewHeads(frameCount);
    private Entry[] _entries = new Entry[4096];
    private int _used;
    private int _free = None;

    private struct Entry
    {
        public AddressSpace Space;
        public uint Page;
        public int Next;
    }

    /// <summary>Not zero for a frame with patched copies: it is never writable in a shadow. Handed to the interpreter, which reports
    /// its own stores to such frames.</summary>
    public byte[] CodeFlags { get; } = new byte[frameCount];

    public uint Count => frameCount;

    /// <summary>Shadow pages that are filled, in all address spaces together. Read by any thread.</summary>
    public int Mappings { get; private set; }

    public bool IsCode(uint frame) => CodeFlags[frame] != 0;

    public void Add(uint frame, AddressSpace space, uint page)
    {
        Mappings++;
        int index = _free;
        if (index != None)
        {
            _free = _entries[index].Next;
        }
        else
        {
            if (_used == _entries.Length)
            {
                Array.Resize(ref _entries, _used * 2);
            }

            index = _used++;
        }

        _entries[index] = new Entry { Space = space, Page = page, Next = _first[frame] };
        _first[frame] = index;
    }

    public void Remove(uint frame, AddressSpace space, uint page)
    {
        ref int link = ref _first[frame];
        while (link != None)
        {
            ref Entry entry = ref _entries[link];
            if (entry.Page == page && entry.Space == space)
            {
                Mappings--;
                int index = link;
                link = entry.Next;
                _entries[index] = new Entry { Space = null!, Next = _free };
                _free = index;
                return;
            }

            link = ref entry.Next;
        }
    }

    /// <summary>The shadow pages that show a frame, copied out so that the caller may change them.</summary>
    public void CopyMappings(uint frame, List<(AddressSpace Space, uint Page)> into)
    {
        into.Clear();
        for (int i = _first[frame]; i != None; i = _entries[i].Next)
        {
            into.Add((_entries[i].Space, _entries[i].Page));
        }
    }

    private static int[] NewHeads(uint count)
    {
        int[] heads = new int[count];
        Array.Fill(heads, None);
        return heads;
    }
}
