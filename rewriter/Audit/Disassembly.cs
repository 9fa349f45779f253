using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>A line of disassembly.</summary>
public readonly record struct DisassemblyLine(ulong Address, string Bytes, string Text);

/// <summary>Formats instructions as reports show them. Not for use by two threads.</summary>
public sealed class Disassembly
{
    readonly NasmFormatter _formatter = new();
    readonly StringOutput _output = new();

    public Disassembly()
    {
        _formatter.Options.SpaceAfterOperandSeparator = true;
        _formatter.Options.HexPrefix = "0x";
        _formatter.Options.HexSuffix = "";
        _formatter.Options.UppercaseHex = false;
        _formatter.Options.BranchLeadingZeros = false;
        _formatter.Options.ShowBranchSize = false;
    }

    public string Format(in Instruction instruction)
    {
        _formatter.Format(instruction, _output);
        return _output.ToStringAndReset();
    }

    /// <summary>Bytes at an address, instruction by instruction; what does not decode is one byte of data.</summary>
    public IReadOnlyList<DisassemblyLine> Of(ReadOnlyMemory<byte> code, ulong address, int bitness)
    {
        var lines = new List<DisassemblyLine>();
        byte[] bytes = code.ToArray();
        var reader = new ByteArrayCodeReader(bytes);
        Decoder decoder = Decoder.Create(bitness, reader);
        for (int at = 0; at < bytes.Length;)
        {
            reader.Position = at;
            decoder.IP = address + (ulong)at;
            decoder.Decode(out Instruction instruction);
            if (bitness == 32 && EmulatePrefix.TryDecode(bytes.AsSpan(at), address + (ulong)at, out Instruction prefixed))
            {
                lines.Add(new DisassemblyLine(prefixed.IP, Convert.ToHexStringLower(bytes.AsSpan(at, prefixed.Length)), $"emulate {Format(prefixed)}"));
                at += prefixed.Length;
                continue;
            }

            int length = instruction.IsInvalid ? 1 : instruction.Length;
            string text = instruction.IsInvalid ? $"db 0x{bytes[at]:x2}" : Format(instruction);
            lines.Add(new DisassemblyLine(address + (ulong)at, Convert.ToHexStringLower(bytes.AsSpan(at, length)), text));
            at += length;
        }

        return lines;
    }
}
