using Iced.Intel;

namespace Tests.Shims;

/// <summary>Machine code as text: one instruction a line, bytes and all, for golden files and failure messages.</summary>
internal static class StubListing
{
    public static string Of(ReadOnlyMemory<byte> code, uint address)
    {
        Decoder decoder = Decoder.Create(32, code.ToArray(), address);
        var formatter = new NasmFormatter();
        var line = new StringOutput();
        var text = new System.Text.StringBuilder();
        while (decoder.IP < address + (ulong)code.Length)
        {
            decoder.Decode(out Instruction instruction);
            formatter.Format(instruction, line);
            int offset = (int)(instruction.IP32 - address);
            text.Append($"{instruction.IP32:x8}  {Convert.ToHexStringLower(code.Span.Slice(offset, instruction.Length)),-24}  {line.ToStringAndReset()}\n");
        }

        return text.ToString();
    }
}
