using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Kicks from other threads: they always arrive, and nothing is lost or done twice on their account.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class KickTests
{
    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void AKickEndsATightLoop(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label forever = a.CreateLabel();
        a.Label(ref forever);
        a.jmp(forever);
        using var run = new GuestRun(engine, p);
        for (int i = 0; i < 20; i++)
        {
            using var kicker = new Timer(_ => run.Engine.Kick(), null, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1));
            Assert.Equal(Runtime.Engines.VmExitReason.Kicked, run.Engine.Run(false).Reason);
        }
    }

    /// <summary>Interrupts are injected at every kick, while shims for flags, segments and control registers run; the guest counts both.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void KickStormsLoseNothing(string engine)
    {
        const uint rounds = 60_000, counter = GuestProgram.Data, interrupts = GuestProgram.Data + 4, handler = 0x12_0000;
        var p = new GuestProgram();
        Assembler h = p.Part(handler);
        h.pushfd();
        h.push(eax);
        h.push(ds);
        h.mov(eax, GuestProgram.KernelData);
        h.mov(ds, eax);
        h.inc(__dword_ptr[interrupts]);
        h.pop(ds);
        h.pop(eax);
        h.popfd();
        h.iretd();
        Assembler a = p.Main;
        Label again = a.CreateLabel(), wrong = a.CreateLabel(), end = a.CreateLabel();
        a.mov(ecx, rounds);
        a.sti();
        a.Label(ref again);
        a.cli();
        a.pushfd();
        a.inc(__dword_ptr[counter]);
        a.pop(eax);
        a.test(eax, 0x200);
        a.jnz(wrong);
        a.sti();
        a.pushfd();
        a.pop(eax);
        a.test(eax, 0x200);
        a.jz(wrong);
        a.push(eax);
        a.popfd();
        a.mov(edx, ds);
        a.cmp(dx, GuestProgram.KernelData);
        a.jne(wrong);
        a.mov(es, edx);
        a.mov(ebx, cr0);
        a.test(bl, 1);
        a.jz(wrong);
        a.dec(ecx);
        a.jnz(again);
        a.cli();
        a.jmp(end);
        a.Label(ref wrong);
        a.cli();
        a.mov(eax, 0xBAD);
        p.Report();
        a.Label(ref end);
        p.Report(counter);
        p.Report(interrupts);
        p.End();
        using var run = new GuestRun(engine, p);
        run.Memory.Write64(
            GuestProgram.Idt + (GuestProgram.InterruptVector * 8),
            (handler & 0xFFFF) | (uint)GuestProgram.KernelCode << 16 | 0x8E00ul << 32 | (ulong)(handler >> 16) << 48);
        run.Kicked = () => run.PendingInterrupts = 1;
        run.UnderKicks();
        Assert.Equal([rounds.ToString("x"), run.DeliveredInterrupts.ToString("x"), "end"], run.Log);
        Assert.True(run.DeliveredInterrupts > 0);
    }

    /// <summary>A user's system calls under kicks: the switcher enters the kernel, whose write to CR4 leaves by the kernel's gate. A kick that
    /// strikes in that gate must not bring it back with the rights that the user had when the guest was entered.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void KicksInTheKernelsGateLeaveItItsRights(string engine)
    {
        const uint rounds = 60_000, counter = GuestProgram.Data, handler = 0x12_0000;
        const byte vector = 0x81;
        var p = new GuestProgram { Paging = true };
        p.Place(GuestProgram.Idt + (vector * 8), BitConverter.GetBytes((handler & 0xFFFF) | (uint)GuestProgram.KernelCode << 16 | 0xEE00ul << 32 | (ulong)(handler >> 16) << 48));
        Assembler kernel = p.Part(handler);
        Label over = kernel.CreateLabel();
        kernel.mov(eax, cr4);
        kernel.mov(cr4, eax);
        kernel.inc(__dword_ptr[counter]);
        kernel.cmp(__dword_ptr[counter], rounds);
        kernel.je(over);
        kernel.iretd();
        kernel.Label(ref over);
        kernel.mov(eax, __dword_ptr[counter]);
        p.Report(kernel);
        p.End(kernel);
        Assembler a = p.Main, user = p.Part(GuestProgram.Elsewhere);
        a.mov(eax, GuestProgram.UserData);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.push(GuestProgram.UserData);
        a.push(GuestProgram.UserStack);
        a.push(2);
        a.push(GuestProgram.UserCode);
        a.push(GuestProgram.Elsewhere);
        a.iretd();
        Label again = user.CreateLabel();
        user.Label(ref again);
        user.xor(eax, eax);
        user.cpuid(); // entered anew with a user's rights
        user.@int(vector);
        user.jmp(again);
        using var run = new GuestRun(engine, p);
        run.UnderKicks();
        Assert.Equal([rounds.ToString("x"), "end"], run.Log);
    }
}
