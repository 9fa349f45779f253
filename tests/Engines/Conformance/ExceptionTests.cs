using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Exceptions arrive with the right vector, error code and address, whatever was done to the code around them.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class ExceptionTests
{
    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void DivideErrorDisplacedByCliIsAtItsOwnAddress(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label fault = a.CreateLabel(), after = a.CreateLabel();
        p.OnTrapGoTo(after);
        a.xor(ecx, ecx);
        a.mov(eax, 7);
        a.cdq();
        a.cli();
        a.Label(ref fault);
        a.div(ecx);
        a.nop();
        a.nop();
        a.nop();
        a.Label(ref after);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#0 error 0 at {p.At(fault)}", "7"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void EachExceptionHasItsVectorAndErrorCode(string engine)
    {
        var p = new GuestProgram { Paging = true };
        Assembler a = p.Main;
        var faults = new List<Label>();
        void Try(Action emit)
        {
            Label fault = a.CreateLabel(), after = a.CreateLabel();
            p.OnTrapGoTo(after);
            a.Label(ref fault);
            emit();
            a.Label(ref after);
            a.nop(); // two labels may meet
            faults.Add(fault);
        }

        a.mov(ecx, 0x12345677);
        Try(() => a.ud2());
        Try(() => a.mov(ds, ecx)); // beyond the GDT
        Try(() => a.mov(es, __word_ptr[GuestProgram.Resume + 0x100]));
        Try(() => a.mov(eax, __dword_ptr[0x8000_0010]));
        Try(() => a.mov(__dword_ptr[0x8000_0014], eax));
        Try(() => a.push(__dword_ptr[0x8000_0018]));
        Try(() => a.@int(0x70));
        Try(() => a.lldt(cx));
        Try(() => a.mov(cr4, ecx));
        p.End();
        p.Place32(GuestProgram.Resume + 0x100, 0x28); // the TSS in ES
        GuestRun.MustLog(engine, p, () =>
        [
            $"#6 error 0 at {p.At(faults[0])}",
            $"#13 error 5674 at {p.At(faults[1])}",
            $"#13 error 28 at {p.At(faults[2])}",
            $"#14 error 0 at {p.At(faults[3])} address 80000010",
            $"#14 error 2 at {p.At(faults[4])} address 80000014",
            $"#14 error 0 at {p.At(faults[5])} address 80000018",
            $"#112 error 0 at {(uint)Convert.ToInt32(p.At(faults[6]), 16) + 2:x}",
            $"#13 error 5674 at {p.At(faults[7])}",
            $"#13 error 0 at {p.At(faults[8])}",
        ]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void TrapsComeAfterTheirInstruction(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label first = a.CreateLabel(), second = a.CreateLabel(), third = a.CreateLabel(), stepped = a.CreateLabel();
        a.int3();
        a.Label(ref first);
        a.nop();
        a.db(0xCD, 3);
        a.Label(ref second);
        a.mov(eax, 0x7FFFFFFF);
        a.inc(eax);
        a.into();
        a.Label(ref third);
        a.pushfd();
        a.or(__dword_ptr[esp], 0x100);
        a.popfd();
        a.cli(); // the trap of this single step comes after it
        a.Label(ref stepped);
        a.nop();
        p.End();
        GuestRun.MustLog(engine, p, () =>
            [$"#3 error 0 at {p.At(first)}", $"#3 error 0 at {p.At(second)}", $"#4 error 0 at {p.At(third)}", $"#1 error 0 at {p.At(stepped)}"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void FpuTrapsWhileTaskSwitchedIsSet(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label fault = a.CreateLabel(), handled = a.CreateLabel(), simd = a.CreateLabel(), second = a.CreateLabel();
        a.fninit();
        a.fld1();
        a.mov(eax, cr0);
        a.or(eax, 8);
        a.mov(cr0, eax);
        p.OnTrapGoTo(handled);
        a.Label(ref fault);
        a.fld1();
        a.Label(ref handled);
        a.nop();
        p.OnTrapGoTo(second);
        a.Label(ref simd);
        a.xorps(xmm0, xmm0);
        a.Label(ref second);
        a.clts();
        a.fld1();
        a.fadd(st0, st1);
        a.fistp(__dword_ptr[GuestProgram.Data]);
        p.Report(GuestProgram.Data);
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#7 error 0 at {p.At(fault)}", $"#7 error 0 at {p.At(simd)}", "2"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void InterruptsWaitForTheInstructionAfterSti(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label shadow = a.CreateLabel();
        a.cli();
        a.@out(GuestProgram.RequestInterruptPort & 0xFF, eax);
        a.nop();
        a.sti();
        a.inc(ecx);
        a.Label(ref shadow);
        a.inc(ecx);
        a.cli();
        a.mov(eax, ecx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#32 at {p.At(shadow)}", "2"]);
    }

    /// <summary>Hardware accepts an interrupt at the first boundary after POPF has set IF.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void InterruptsComeRightAfterPopf(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label open = a.CreateLabel();
        a.cli();
        a.@out(GuestProgram.RequestInterruptPort & 0xFF, eax);
        a.push(0x202);
        a.popfd();
        a.Label(ref open);
        a.nop();
        a.cli();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#32 at {p.At(open)}"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    [InlineData("interpreter para")]
    public void UserModeNeedsNoPaging(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label user = a.CreateLabel(), privileged = a.CreateLabel(), last = a.CreateLabel();
        p.OnTrapGoTo(last);
        a.cli();
        a.mov(eax, GuestProgram.UserData);
        a.mov(ds, eax);
        a.push(GuestProgram.UserData);
        a.push(GuestProgram.UserStack);
        a.push(0x202);
        a.push(GuestProgram.UserCode);
        p.PushAddress(user);
        a.iretd();
        a.Label(ref user);
        a.xor(eax, eax);
        a.cpuid();
        a.mov(eax, cs);
        a.@int(0x80);
        a.pushfd();
        a.pop(eax);
        a.and(eax, 0x3200);
        a.@int(0x80);
        a.Label(ref privileged);
        a.cli();
        a.Label(ref last);
        a.mov(eax, 0x600D);
        a.@int(0x80);
        a.hlt();
        using var run = new GuestRun(engine, p);
        run.ToEndAtTrap(13, 2);
        Assert.Equal(["1b", "200", $"#13 error 0 at {p.At(privileged)}", "600d"], run.Log.Take(4));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void UserModeEntersTheKernelByInt80OnItsStack(string engine)
    {
        var p = new GuestProgram { Paging = true };
        Assembler a = p.Main;
        Label user = a.CreateLabel(), privileged = a.CreateLabel(), after = a.CreateLabel(), kernelPage = a.CreateLabel(), last = a.CreateLabel();
        a.and(__byte_ptr[GuestProgram.Table + (GuestProgram.Data >> 12 << 2)], 0xFB); // the data page is the kernel's
        a.mov(eax, cr3);
        a.mov(cr3, eax);
        p.OnTrapGoTo(after);
        a.mov(eax, GuestProgram.UserData);
        a.mov(ds, eax); // the kernel's would be made null on the way (SDM vol. 2, IRET)
        a.mov(es, eax);
        a.push(GuestProgram.UserData);
        a.push(GuestProgram.UserStack);
        a.push(0x202);
        a.push(GuestProgram.UserCode);
        p.PushAddress(user);
        a.iretd();
        a.Label(ref user);
        a.mov(eax, cs);
        a.@int(0x80);
        a.mov(eax, esp);
        a.@int(0x80);
        a.pushfd();
        a.pop(eax);
        a.and(eax, 0x3200);
        a.@int(0x80);
        a.Label(ref privileged);
        a.cli();
        a.Label(ref after);
        p.OnTrapGoTo(last);
        a.Label(ref kernelPage);
        a.mov(eax, __dword_ptr[GuestProgram.Data]);
        a.Label(ref last);
        a.mov(eax, 0x600D);
        a.@int(0x80);
        a.mov(eax, __dword_ptr[GuestProgram.TrapStack - 4]);
        a.@int(0x80);
        Label ended = a.CreateLabel();
        a.Label(ref ended);
        a.@out(GuestProgram.EndPort & 0xFF, al); // faults; the handler has no place to go on, and we are done
        using var run = new GuestRun(engine, p);
        run.Memory.Write8(GuestProgram.Tss + 0x66, 0x68); // an I/O map, at 68H, beyond the limit
        run.Engine.State.Eflags = 2;
        // The end port cannot be written from user mode: let the trap itself end the run.
        run.ToEndAtTrap(13, 2);
        Assert.Equal(
            [
                "1b", $"{GuestProgram.UserStack:x}", "200", $"#13 error 0 at {p.At(privileged)}",
                $"#14 error 5 at {p.At(kernelPage)} address {GuestProgram.Data:x}", "600d", "23", $"#13 error 0 at {p.At(ended)}",
            ],
            run.Log);
    }

    /// <summary>EFLAGS.AC binds user code alone; a kernel that has it set makes exits like any other.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AlignmentChecksDoNotBindTheKernel(string engine)
    {
        const uint alignmentCheck = 0x4_0000, alignmentMask = 0x4_0000;
        var p = new GuestProgram();
        p.Place32(GuestProgram.Data, 0x4433_2211, 0x55);
        Assembler a = p.Main;
        a.mov(eax, cr0);
        a.or(eax, alignmentMask);
        a.mov(cr0, eax);
        a.pushfd();
        a.or(__dword_ptr[esp], alignmentCheck);
        a.popfd();
        a.mov(eax, __dword_ptr[GuestProgram.Data + 1]);
        p.Report();
        a.cli();
        a.mov(eax, cr2);
        p.End();
        GuestRun.MustLog(engine, p, () => ["55443322"]);
    }
}
