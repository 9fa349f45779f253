using Iced.Intel;
using Runtime.Engines.Patched;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>WRPKRU and XRSTOR inside other instructions, jumped at: to the guest they are what its processor does not have.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class KeyInstructionTests
{
    private const uint Code = GuestProgram.Elsewhere + 0x1000;

    /// <summary>By engine: bytes that end in RET, where in the page they start, and how far inside them the hidden instruction begins.</summary>
    public static TheoryData<string, string, int, int> Hidden
    {
        get
        {
            var cases = new TheoryData<string, string, int, int>();
            foreach (string engine in GuestRun.Engines.Select(row => row.Data))
            {
                cases.Add(engine, "B80F01EFC3C3", 0x10, 1); // mov eax, 0C3EF010Fh
                cases.Add(engine, "B80F01EFC3C3", 0xFFD, 1); // the same across the end of the page, at each of its bytes
                cases.Add(engine, "B80F01EFC3C3", 0xFFE, 1);
                cases.Add(engine, "B00F01EFC3", 0xFFE, 1); // mov al, 0Fh; next page: add edi, ebp
                cases.Add(engine, "B00F01EFC3", 0x20, 1);
                cases.Add(engine, "B80FAE28C3C3", 0x30, 1); // xrstor [eax]
                cases.Add(engine, "0F01EFC3", 0x40, 0); // in the open
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Hidden))]
    public void AreNeverExecuted(string engine, string bytes, int offset, int inside)
    {
        uint at = Code + (uint)offset;
        var p = new GuestProgram { Paging = true };
        p.Place(at, Convert.FromHexString(bytes));
        Assembler a = p.Main;
        Label end = a.CreateLabel();
        if (inside > 0)
        {
            // As it is meant, twice: afterwards its bytes are known for code.
            foreach (int _ in new[] { 1, 2 })
            {
                a.mov(eax, 0);
                a.mov(ebx, at);
                a.call(ebx);
                p.Report();
            }
        }

        p.OnTrapGoTo(end);
        a.xor(eax, eax);
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.mov(ebx, at + (uint)inside);
        a.call(ebx);
        a.mov(eax, 0xBAD);
        p.Report();
        a.Label(ref end);
        p.End();
        using var run = new GuestRun(engine, p);
        run.ToEnd();
        Assert.Equal([$"#6 error 0 at {at + (uint)inside:x}", "end"], run.Log.TakeLast(2));
        Assert.Equal(inside > 0 ? 4 : 2, run.Log.Count);
    }

    [Theory]
    [InlineData("0F01EF", true)]
    [InlineData("900F01EF90", true)]
    [InlineData("0FAE2D00000000", true)]
    [InlineData("0FAE6C2404", true)]
    [InlineData("0FAEE8", false)] // lfence
    [InlineData("0FAE00", false)] // fxsave
    [InlineData("0F01EE", false)] // rdpkru
    [InlineData("B80F01", true)] // who knows what follows
    [InlineData("B80F", true)]
    [InlineData("0F1F4000", false)]
    public void AreFoundInBytes(string bytes, bool expected) => Assert.Equal(expected, KeyInstructions.AreIn(Convert.FromHexString(bytes)));
}
