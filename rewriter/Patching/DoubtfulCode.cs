using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Images;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>
/// Functions of an object that are no 32-bit code, or not all of them: a relocation, a symbol or a branch names an address inside what was
/// taken for an instruction. So it is with 16-bit code and with data among code; a guard would make a wrong patch harmless, and objects have
/// none.
/// </summary>
static class DoubtfulCode
{
    public const string Reason = "something names a place inside an instruction of its function: it may be no 32-bit code";

    /// <summary>The functions, or where none is known the instructions, by no order.</summary>
    public static List<CodeRange> Find(ScanResult scan)
    {
        var found = new List<CodeRange>();
        foreach (ulong address in Named(scan).Distinct())
        {
            if (!scan.Map.IsInstructionStart(address) && HolderOf(scan.Map, address) is Instruction holder)
            {
                found.Add(scan.Map.FunctionAt(address) ?? new CodeRange(holder.IP, holder.NextIP));
            }
        }

        return [.. found.Distinct()];
    }

    static IEnumerable<ulong> Named(ScanResult scan) =>
    [
        .. scan.Image.Relocations.Select(word => WordAt(scan.Image, word)),
        .. scan.Image.OtherEntryPoints,
        .. scan.Image.Symbols.Select(symbol => symbol.Address),
        .. scan.Map.Sections.SelectMany(section => scan.Map.InstructionsIn(section.Address, section.End))
            .Where(instruction => instruction.Op0Kind == OpKind.NearBranch32).Select(instruction => instruction.NearBranchTarget),
    ];

    static ulong WordAt(KernelImage image, ulong address)
    {
        ImageSection? section = image.SectionAt(address);
        return section is null || (ulong)section.FileSize - (address - section.Address) < 4 ? 0
            : BinaryPrimitives.ReadUInt32LittleEndian(image.Bytes(section)[(int)(address - section.Address)..]);
    }

    /// <summary>The proven instruction that an address lies inside.</summary>
    static Instruction? HolderOf(CodeMap map, ulong address)
    {
        for (ulong start = address - 1; address - start < 15; start--)
        {
            if (map.IsInstructionStart(start))
            {
                Instruction instruction = map.Decode(start);
                return instruction.NextIP > address ? instruction : null;
            }
        }

        return null;
    }
}
