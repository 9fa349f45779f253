// The RAM of two machines: which pages changed, whether they changed alike, and what they held when both last agreed.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Lockstep;

/// <summary>A byte of RAM that is not the same on both sides.</summary>
internal readonly record struct RamDifference(ulong Physical, byte Reference, byte Subject, string ReferenceLine, string SubjectLine);

/// <summary>Follows the reference's stores by the interpreter's frame flags; the subject's native stores leave no trace, so that its RAM is compared
/// as a whole now and then.</summary>
internal sealed class RamComparison : ICpuObserver
{
    private const int LineBytes = 16;
    private const uint AccessedAndDirty = PageBits.Accessed | PageBits.Dirty;

    private readonly GuestMemory _reference;
    private readonly GuestMemory _subject;
    private readonly byte[] _agreed;
    private readonly byte[] _flags;
    private readonly HashSet<uint> _written = [];
    private readonly HashSet<uint> _pageTables = [];
    private readonly VcpuState _state;

    /// <param name="cpu">The reference's processor; reports its stores here from now on.</param>
    public RamComparison(Cpu cpu, GuestMemory reference, GuestMemory subject)
    {
        _state = cpu.State;
        _reference = reference;
        _subject = subject;
        _agreed = new byte[reference.Length];
        _flags = new byte[reference.FrameCount];
        Array.Fill(_flags, (byte)1);
        (cpu.FrameFlags, cpu.Observer) = (_flags, this);
    }

    /// <summary>Accessed bits of page-table entries that one side had set and the other was given.</summary>
    public long AccessedBitsMended { get; private set; }

    /// <summary>The same of dirty bits.</summary>
    public long DirtyBitsMended { get; private set; }

    /// <summary>What both hold is what they will be taken back to.</summary>
    public void Agree()
    {
        foreach (uint frame in _written)
        {
            _reference.FrameBytes(frame).CopyTo(_agreed.AsSpan((int)frame << 12));
            _flags[frame] = 1;
        }

        _written.Clear();
    }

    /// <summary>The same for all of RAM, for stores that nobody reported.</summary>
    public void AgreeOnAll()
    {
        for (uint frame = 0; frame < _reference.FrameCount; frame++)
        {
            Span<byte> agreed = Agreed(frame);
            if (!_reference.FrameBytes(frame).SequenceEqual(agreed))
            {
                _reference.FrameBytes(frame).CopyTo(agreed);
            }
        }

        Agree();
    }

    /// <summary>Takes both back to the last agreement.</summary>
    public void Rewind()
    {
        for (uint frame = 0; frame < _reference.FrameCount; frame++)
        {
            foreach (GuestMemory memory in (ReadOnlySpan<GuestMemory>)[_reference, _subject])
            {
                if (!memory.FrameBytes(frame).SequenceEqual(Agreed(frame)))
                {
                    Agreed(frame).CopyTo(memory.FrameBytes(frame));
                    memory.Stored([new GuestRange(new GuestPhysicalAddress((ulong)frame << 12), GuestMemory.FrameSize)]);
                }
            }
        }

        Agree();
    }

    /// <summary>The first difference in the pages that the reference has written since the last agreement, or null.</summary>
    public RamDifference? CompareWritten()
    {
        foreach (uint frame in _written)
        {
            if (CompareFrame(frame) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    /// <summary>The first difference in all of RAM, or null.</summary>
    public RamDifference? CompareAll()
    {
        for (uint frame = 0; frame < _reference.FrameCount; frame++)
        {
            if (CompareFrame(frame) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    void ICpuObserver.PhysicalWrite(uint frame, int offset, int length)
    {
        Note(frame);
        if (offset + length > GuestMemory.FrameSize && frame + 1 < _reference.FrameCount)
        {
            Note(frame + 1);
        }
    }

    void ICpuObserver.ControlRegisterWritten(int register, uint before, uint after)
    {
    }

    void ICpuObserver.TlbFlushed(bool includingGlobal)
    {
    }

    void ICpuObserver.PageInvalidated(uint linear)
    {
    }

    void ICpuObserver.SegmentLoaded(SegmentIndex index)
    {
    }

    void ICpuObserver.SegmentVerified(SegmentRegister segment)
    {
    }

    private Span<byte> Agreed(uint frame) => _agreed.AsSpan((int)frame << 12, GuestMemory.FrameSize);

    private void Note(uint frame)
    {
        if (_flags[frame] != 0)
        {
            _written.Add(frame);
            _flags[frame] = 0;
        }
    }

    private RamDifference? CompareFrame(uint frame)
    {
        Span<byte> reference = _reference.FrameBytes(frame), subject = _subject.FrameBytes(frame);
        int same;
        while ((same = reference.CommonPrefixLength(subject)) < GuestMemory.FrameSize)
        {
            if (!TryMendBits(frame, reference, subject, same & ~3))
            {
                int line = same & ~(LineBytes - 1);
                return new RamDifference(
                    ((ulong)frame << 12) + (uint)same, reference[same], subject[same],
                    Convert.ToHexStringLower(reference.Slice(line, LineBytes)), Convert.ToHexStringLower(subject.Slice(line, LineBytes)));
            }
        }

        return null;
    }

    /// <summary>When the bits of a page-table entry are set depends on what a processor still has in its TLB, and the accessed one may be set ahead
    /// (SDM vol. 3, 4.8 and 4.10): where nothing else differs, both get what either has.</summary>
    private bool TryMendBits(uint frame, Span<byte> reference, Span<byte> subject, int offset)
    {
        uint left = BinaryPrimitives.ReadUInt32LittleEndian(reference[offset..]), right = BinaryPrimitives.ReadUInt32LittleEndian(subject[offset..]);
        if (((left ^ right) & ~AccessedAndDirty) != 0 || (left & PageBits.Present) == 0 || !IsPageTable(frame))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(reference[offset..], left | right);
        BinaryPrimitives.WriteUInt32LittleEndian(subject[offset..], left | right);
        AccessedBitsMended += ((left ^ right) & PageBits.Accessed) != 0 ? 1 : 0;
        DirtyBitsMended += ((left ^ right) & PageBits.Dirty) != 0 ? 1 : 0;
        return true;
    }

    /// <summary>Whether a frame is, or was when something was last compared, among the page tables of the address space in use.</summary>
    private bool IsPageTable(uint frame)
    {
        if (_pageTables.Contains(frame))
        {
            return true;
        }

        if (!_state.PagingEnabled)
        {
            return false;
        }

        bool isPae = (_state.Cr4 & ControlRegisters.Cr4Pae) != 0;
        int size = isPae ? 8 : 4;
        List<ulong> directories = [];
        if (isPae)
        {
            // SDM vol. 3, 4.4.1: four pointers at CR3, which have no accessed bits.
            for (uint i = 0; i < 4; i++)
            {
                ulong pointer = _reference.Read64((_state.Cr3 & ~0x1Fu) + (i * 8));
                if ((pointer & PageBits.Present) != 0)
                {
                    directories.Add(pointer & 0xF_FFFF_F000);
                }
            }
        }
        else
        {
            directories.Add(_state.Cr3 & ~0xFFFu);
        }

        foreach (ulong directory in directories)
        {
            _pageTables.Add((uint)(directory >> 12));
            for (ulong at = directory; at < directory + GuestMemory.FrameSize; at += (uint)size)
            {
                ulong entry = isPae ? _reference.Read64(at) : _reference.Read32(at);
                if ((entry & PageBits.Present) != 0 && (entry & PageBits.Large) == 0)
                {
                    _pageTables.Add((uint)((entry & 0xF_FFFF_F000) >> 12));
                }
            }
        }

        return _pageTables.Contains(frame);
    }
}
