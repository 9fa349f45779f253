// Which architectural fields of two processors differ.
using System.Buffers.Binary;
using Runtime.Engines;

namespace Runtime.Lockstep;

/// <summary>A field that is not the same on both sides.</summary>
internal readonly record struct FieldDifference(string Field, string Reference, string Subject);

/// <summary>Compares what a guest can see of two processors.</summary>
internal static class StateComparison
{
    private static readonly string[] s_registers = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

    /// <summary>FXSAVE (SDM vol. 1, table 10-2): control, status and tag word; the last instruction's place is left out, since
    /// processors differ in when they note it; then MXCSR.</summary>
    private const int TagWord = 4, Mxcsr = 24, FirstX87 = 32, FirstXmm = 160;

    /// <summary>Whether both are at the same instruction with the same registers, but for what may be a copy of flags: cheap, and true before
    /// <see cref="Compare"/> is worth its while.</summary>
    public static bool MayBeSame(VcpuState reference, VcpuState subject)
    {
        uint differing = 0;
        for (int i = 0; i < s_registers.Length; i++)
        {
            differing |= reference.Gpr[i] ^ subject.Gpr[i];
        }

        return reference.Eip == subject.Eip && (differing & ~FlagBits.Arithmetic) == 0;
    }

    /// <summary>How many general registers differ.</summary>
    public static int DifferingRegisters(VcpuState reference, VcpuState subject)
    {
        int differing = 0;
        for (int i = 0; i < s_registers.Length; i++)
        {
            differing += reference.Gpr[i] == subject.Gpr[i] ? 0 : 1;
        }

        return differing;
    }

    /// <param name="undefinedFlags">Bits of EFLAGS that mean nothing at this place.</param>
    public static IEnumerable<FieldDifference> Compare(VcpuState reference, VcpuState subject, uint undefinedFlags)
    {
        if (reference.Eip != subject.Eip)
        {
            yield return Hex("eip", reference.Eip, subject.Eip);
        }

        for (int i = 0; i < s_registers.Length; i++)
        {
            if (reference.Gpr[i] != subject.Gpr[i])
            {
                yield return Hex(s_registers[i], reference.Gpr[i], subject.Gpr[i]);
            }
        }

        if (((reference.Eflags ^ subject.Eflags) & ~undefinedFlags & ~FlagBits.Rf) != 0)
        {
            yield return Hex("eflags", reference.Eflags, subject.Eflags);
        }

        foreach (FieldDifference difference in CompareSystem(reference, subject))
        {
            yield return difference;
        }
    }

    /// <summary>The x87, MMX and SSE registers, once both are current.</summary>
    public static IEnumerable<FieldDifference> CompareFpu(VcpuState reference, VcpuState subject)
    {
        byte[] left = reference.Fx, right = subject.Fx;
        if (!left.AsSpan(0, TagWord + 1).SequenceEqual(right.AsSpan(0, TagWord + 1)))
        {
            yield return Bytes("x87 control, status, tags", left.AsSpan(0, TagWord + 1), right.AsSpan(0, TagWord + 1));
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(left.AsSpan(Mxcsr)) != BinaryPrimitives.ReadUInt32LittleEndian(right.AsSpan(Mxcsr)))
        {
            yield return Bytes("mxcsr", left.AsSpan(Mxcsr, 4), right.AsSpan(Mxcsr, 4));
        }

        for (int i = 0; i < 8; i++)
        {
            foreach ((string name, int at, int length) in new[] { ($"st{i}", FirstX87, 10), ($"xmm{i}", FirstXmm, 16) })
            {
                int offset = at + (i * 16);
                if (!left.AsSpan(offset, length).SequenceEqual(right.AsSpan(offset, length)))
                {
                    yield return Bytes(name, left.AsSpan(offset, length), right.AsSpan(offset, length));
                }
            }
        }
    }

    private static IEnumerable<FieldDifference> CompareSystem(VcpuState reference, VcpuState subject)
    {
        foreach ((string name, ulong left, ulong right) in new[]
        {
            ("cpl", reference.Cpl, (ulong)subject.Cpl), ("cr0", reference.Cr0, subject.Cr0), ("cr2", reference.Cr2, subject.Cr2),
            ("cr3", reference.Cr3, subject.Cr3), ("cr4", reference.Cr4, subject.Cr4), ("dr6", reference.Dr6, subject.Dr6), ("dr7", reference.Dr7, subject.Dr7),
            ("dr0", reference.Dr[0], subject.Dr[0]), ("dr1", reference.Dr[1], subject.Dr[1]), ("dr2", reference.Dr[2], subject.Dr[2]), ("dr3", reference.Dr[3], subject.Dr[3]),
            ("efer", reference.Efer, subject.Efer), ("sysenter_cs", reference.SysenterCs, subject.SysenterCs),
            ("sysenter_esp", reference.SysenterEsp, subject.SysenterEsp), ("sysenter_eip", reference.SysenterEip, subject.SysenterEip),
        })
        {
            if (left != right)
            {
                yield return Hex(name, left, right);
            }
        }

        foreach (SegmentIndex index in Enum.GetValues<SegmentIndex>())
        {
            if (reference.Segments[(int)index] != subject.Segments[(int)index])
            {
                yield return Text(index.ToString().ToLowerInvariant(), reference.Segments[(int)index], subject.Segments[(int)index]);
            }
        }

        foreach ((string name, SegmentRegister left, SegmentRegister right) in new[] { ("ldtr", reference.Ldtr, subject.Ldtr), ("tr", reference.Tr, subject.Tr) })
        {
            if (left != right)
            {
                yield return Text(name, left, right);
            }
        }

        foreach ((string name, TableRegister left, TableRegister right) in new[] { ("gdtr", reference.Gdtr, subject.Gdtr), ("idtr", reference.Idtr, subject.Idtr) })
        {
            if (left != right)
            {
                yield return new FieldDifference(name, $"{left.Base:x8}:{left.Limit:x4}", $"{right.Base:x8}:{right.Limit:x4}");
            }
        }
    }

    private static FieldDifference Hex(string field, ulong reference, ulong subject) => new(field, reference.ToString("x8"), subject.ToString("x8"));

    private static FieldDifference Text(string field, SegmentRegister reference, SegmentRegister subject) => new(field, Describe(reference), Describe(subject));

    private static string Describe(SegmentRegister segment) => $"{segment.Selector:x4} base {segment.Base:x8} limit {segment.Limit:x8} attributes {segment.Attributes:x4}";

    private static FieldDifference Bytes(string field, ReadOnlySpan<byte> reference, ReadOnlySpan<byte> subject)
        => new(field, Convert.ToHexStringLower(reference), Convert.ToHexStringLower(subject));
}
