// Names for sites that outlive a rebuild: reports of two builds of a kernel are compared by them.
using System.Security.Cryptography;
using System.Text;
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>
/// Gives each site of an image a fingerprint that does not depend on where anything was linked: its function, its instruction, the shape
/// of the instructions behind it (registers, but neither addresses nor constants), and its ordinal among sites that agree in all this.
/// Sites have to come by address.
/// </summary>
public sealed class SiteFingerprints(KernelImage image)
{
    const int Neighbours = 3;
    const int LongestInstruction = 15;
    const int DigestCharacters = 32;

    readonly Dictionary<string, int> _seen = [];
    readonly StringBuilder _shape = new();

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public string Next(SensitiveInstruction site)
    {
        string key = $"{FunctionName.Of(site.Symbol) ?? site.Section}\n{ShapeAt(site)}";
        int ordinal = _seen.GetValueOrDefault(key);
        _seen[key] = ordinal + 1;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{key}\n{ordinal}")))[..DigestCharacters];
    }

    string ShapeAt(SensitiveInstruction site)
    {
        _shape.Clear();
        AddShape(site.Instruction);
        Instruction instruction = site.Instruction;
        for (int i = 0; i < Neighbours && instruction.FlowControl is FlowControl.Next or FlowControl.Interrupt; i++)
        {
            ReadOnlySpan<byte> bytes = BytesAt(instruction.NextIP);
            if (bytes.IsEmpty)
            {
                break;
            }

            Iced.Intel.Decoder.Create(image.Bitness, bytes.ToArray(), instruction.NextIP).Decode(out instruction);
            AddShape(instruction);
        }

        return _shape.ToString();
    }

    ReadOnlySpan<byte> BytesAt(ulong address)
    {
        if (image.SectionAt(address) is not { } section || address - section.Address >= (ulong)section.FileSize)
        {
            return [];
        }

        int offset = (int)(address - section.Address);
        return image.Bytes(section).Slice(offset, Math.Min(LongestInstruction, (int)section.FileSize - offset));
    }

    void AddShape(in Instruction instruction)
    {
        _shape.Append(instruction.Code).Append(' ');
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register)
            {
                _shape.Append(instruction.GetOpRegister(i)).Append(' ');
            }
        }

        _shape.Append(instruction.MemoryBase).Append(' ').Append(instruction.MemoryIndex).Append('\n');
    }
}
