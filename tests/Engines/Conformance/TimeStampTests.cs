using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>RDTSC runs natively where that shows what the guest's counter is, and only there.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class TimeStampTests
{
    private const int TimeStampCounter = 0x10, TimeStampAdjust = 0x3B, TimeStampDisable = 4;

    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void ACounterThatWasWrittenGoesOnFromThere(string engine)
    {
        const uint high = 0x7000_0000;
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(esi, 2);
        a.Label(ref again);
        a.rdtsc();
        a.shr(edx, 8);
        a.cmp(edx, high >> 8);
        a.sete(al);
        a.movzx(eax, al);
        p.Report();
        a.mov(ecx, TimeStampCounter);
        a.mov(edx, high);
        a.xor(eax, eax);
        a.wrmsr();
        a.dec(esi);
        a.jne(again);
        p.End();
        GuestRun.MustLog(engine, p, () => ["0", "1"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void TheAdjustRegisterIsWhatWasAddedToTheCounter(string engine)
    {
        Assert.SkipUnless(Runtime.Engines.Interpreter.CpuModel.Default.InvariantTimeStamp, "the host's counter is not invariant");
        const uint high = 0x7000_0000;
        var p = new GuestProgram();
        Assembler a = p.Main;
        a.mov(eax, 7);
        a.xor(ecx, ecx);
        a.cpuid();
        a.mov(eax, ebx);
        p.Report();
        a.mov(ecx, TimeStampAdjust);
        a.rdmsr();
        p.Report();
        a.mov(edx, high);
        a.xor(eax, eax);
        a.wrmsr();
        a.rdmsr();
        a.mov(eax, edx);
        p.Report();
        a.rdtsc();
        a.mov(eax, edx);
        a.shr(eax, 28);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["2", "0", $"{high:x}", "7"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void UsersReadItUnlessTheyMayNot(string engine)
    {
        foreach (bool refused in new[] { false, true })
        {
            var p = new GuestProgram { Paging = true };
            Assembler a = p.Main, user = p.Part(GuestProgram.Elsewhere);
            a.mov(eax, cr4);
            a.or(eax, refused ? TimeStampDisable : 0);
            a.mov(cr4, eax);
            a.push(GuestProgram.UserData);
            a.push(GuestProgram.UserStack);
            a.push(2);
            a.push(GuestProgram.UserCode);
            a.push(GuestProgram.Elsewhere);
            a.iretd();
            user.rdtsc();
            user.int3();
            using var run = new GuestRun(engine, p);
            run.ToEndAtTrap(refused ? 13 : 3, 1);
            Assert.Equal([refused ? $"#13 error 0 at {GuestProgram.Elsewhere:x}" : $"#3 error 0 at {GuestProgram.Elsewhere + 3:x}"], run.Log);
        }
    }
}
