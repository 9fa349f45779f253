// Random instruction sequences on the interpreter and on the host CPU. Whatever both define must come out the same.
using System.Buffers.Binary;
using System.Globalization;
using Runtime.Engines;
using Xunit;

namespace Tests.Engines.Direct;

[Collection(HostProcessorCollection.Name)]
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const uint ComparedFlags = FlagBits.Arithmetic | FlagBits.Df;
    private const int StatusC1 = 1 << 9;
    private const byte SimdException = 19;
    private const int ReportedAtMost = 8;

    private static readonly string[] s_names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

    /// <summary>The seed is part of the case: a failure repeats itself. <c>DIFFERENTIAL_FACTOR</c> multiplies the count for a long hunt.</summary>
    [Theory]
    [InlineData("Integer.txt", 5000, 1)]
    [InlineData("Shift.txt", 3000, 2)]
    [InlineData("String.txt", 2000, 3)]
    [InlineData("X87.txt", 5000, 4)]
    [InlineData("Simd.txt", 5000, 5)]
    public void SequencesDoWhatTheHostDoes(string table, int count, int seed)
    {
        count *= int.Parse(Environment.GetEnvironmentVariable("DIFFERENTIAL_FACTOR") ?? "1", CultureInfo.InvariantCulture);
        IReadOnlyList<InstructionForm> forms = InstructionForm.Read(table);
        using HostProcessor host = HostProcessor.Start();
        using var reference = new ReferenceProcessor();
        var random = new Random(seed);
        var endings = new SortedDictionary<byte, int>();
        var differences = new List<string>();
        for (int i = 0; i < count && differences.Count < ReportedAtMost; i++)
        {
            InstructionSequence sequence = InstructionSequence.Generate(random, forms, reference);
            MachineState found = host.Run(sequence.Start, sequence.Code);
            endings[sequence.End.Ending.Vector] = endings.GetValueOrDefault(sequence.End.Ending.Vector) + 1;
            if (FirstDifference(sequence, found) is not null)
            {
                differences.Add($"sequence {i} of {table}, seed {seed}: {Explain(sequence, host, reference)}");
            }
        }

        output.WriteLine($"{table}: {count} sequences; endings by vector: {string.Join(", ", endings.Select(pair => $"{pair.Key}: {pair.Value}"))}");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    /// <summary>The shortest prefix that differs, its inputs and both outcomes.</summary>
    private static string Explain(InstructionSequence sequence, HostProcessor host, ReferenceProcessor reference)
    {
        for (int length = 1; length <= sequence.Length; length++)
        {
            InstructionSequence prefix = sequence.Prefix(length, reference);
            if (FirstDifference(prefix, host.Run(prefix.Start, prefix.Code)) is { } difference)
            {
                InstructionSequence before = sequence.Prefix(length - 1, reference);
                return $"{difference}\n{prefix.Disassemble()}  before the last: {Describe(before.End)}";
            }
        }

        return "it differs as a whole, but no prefix does";
    }

    private static string? FirstDifference(InstructionSequence sequence, MachineState host)
    {
        MachineState ours = sequence.End;
        if (ours.Ending != host.Ending)
        {
            return $"ours ends with {ours.Ending}, the host's with {host.Ending}";
        }

        for (int i = 0; i < 8; i++)
        {
            if (ours.Gpr[i] != host.Gpr[i])
            {
                return $"{s_names[i]} is {ours.Gpr[i]:x}, on the host {host.Gpr[i]:x}";
            }
        }

        uint flags = (ours.Eflags ^ host.Eflags) & ComparedFlags & ~sequence.UndefinedFlags;
        if (flags != 0)
        {
            return $"eflags are {ours.Eflags & ComparedFlags:x}, on the host {host.Eflags & ComparedFlags:x}: bits {flags:x}";
        }

        int at = ours.Memory.AsSpan().CommonPrefixLength(host.Memory);
        if (at < MachineState.MemorySize)
        {
            return $"memory at {MachineState.Data + at:x} is {Hex(ours.Memory, at, 16)}, on the host {Hex(host.Memory, at, 16)}";
        }

        return FirstFloatDifference(ours, host, sequence.IsC1Undefined);
    }

    private static string? FirstFloatDifference(MachineState oursAll, MachineState hostAll, bool isC1Undefined)
    {
        byte[] ours = oursAll.Fx, host = hostAll.Fx;
        // A conversion to MMX that faults may or may not have switched to MMX already: TOP, tags and the order of the registers.
        bool comparesX87 = oursAll.Ending.Vector != SimdException;
        int status = BinaryPrimitives.ReadUInt16LittleEndian(ours.AsSpan(2)) ^ BinaryPrimitives.ReadUInt16LittleEndian(host.AsSpan(2));
        status &= isC1Undefined ? ~StatusC1 : ~0;
        if (comparesX87 && (status != 0 || !ours.AsSpan(0, 2).SequenceEqual(host.AsSpan(0, 2)) || ours[4] != host[4]))
        {
            return $"x87 cw, sw, tags are {Hex(ours, 0, 5)}, on the host {Hex(host, 0, 5)}";
        }

        uint control = BinaryPrimitives.ReadUInt32LittleEndian(ours.AsSpan(24)), hostControl = BinaryPrimitives.ReadUInt32LittleEndian(host.AsSpan(24));
        if (control != hostControl)
        {
            return $"mxcsr is {control:x}, on the host {hostControl:x}";
        }

        for (int i = 0; i < 8; i++)
        {
            if (comparesX87 && !ours.AsSpan(32 + (i * 16), 10).SequenceEqual(host.AsSpan(32 + (i * 16), 10)))
            {
                return $"st{i} is {Hex(ours, 32 + (i * 16), 10)}, on the host {Hex(host, 32 + (i * 16), 10)}";
            }

            if (!ours.AsSpan(160 + (i * 16), 16).SequenceEqual(host.AsSpan(160 + (i * 16), 16)))
            {
                return $"xmm{i} is {Hex(ours, 160 + (i * 16), 16)}, on the host {Hex(host, 160 + (i * 16), 16)}";
            }
        }

        return null;
    }

    private static string Describe(MachineState state)
        => string.Join(' ', s_names.Select((name, i) => $"{name}={state.Gpr[i]:x}")) + $" eflags={state.Eflags:x}\n    fx {Hex(state.Fx, 0, 32)}"
            + string.Concat(Enumerable.Range(0, 8).Select(i => $"\n    st{i} {Hex(state.Fx, 32 + (i * 16), 10)} xmm{i} {Hex(state.Fx, 160 + (i * 16), 16)}"));

    private static string Hex(byte[] bytes, int at, int length) => Convert.ToHexStringLower(bytes.AsSpan(at, Math.Min(length, bytes.Length - at)));
}
