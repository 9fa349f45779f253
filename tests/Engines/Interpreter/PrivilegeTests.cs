// Transfers between rings, tasks and modes (SDM vol. 3, chapters 5, 6, 8, 20).
using Iced.Intel;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Interpreter;

public sealed class PrivilegeTests
{
    [Fact]
    public void InterruptFromRing3SwitchesStacksAndReturns()
    {
        using var machine = new TestMachine();
        machine.BuildTables(gateDpl: 3);
        machine.EnterRing3();
        machine.State.Eflags |= FlagBits.If;
        machine.Assemble(TestMachine.Code, a =>
        {
            a.@int(0x80);
            a.inc(ebx);
            a.hlt();
        });
        machine.Assemble(0x4800, a =>
        {
            a.mov(ecx, ss);
            a.mov(edx, esp);
            a.iretd();
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(20).Reason);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.StoppedInHandler);
        Assert.Equal(1u, machine.State.Gpr[VcpuState.Ebx]);
        Assert.Equal(0x10u, machine.State.Gpr[VcpuState.Ecx]);
        Assert.Equal(TestMachine.Stack - 20, machine.State.Gpr[VcpuState.Edx]);
        Assert.Equal(0x1Bu, machine.StackDword(2));
    }

    [Fact]
    public void CallGateCopiesParameters()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Memory.Write64(TestMachine.Gdt + 0x30, 0x0010_EC02_0008_5000);
        machine.State.Gdtr = machine.State.Gdtr with { Limit = 0x37 };
        machine.EnterRing3();
        machine.Assemble(TestMachine.Code, a =>
        {
            a.push(0x1111);
            a.push(0x2222);
            a.call(0x30, 0);
            a.hlt();
        });
        machine.Assemble(0x10_5000, a =>
        {
            a.mov(eax, __dword_ptr[esp + 8]);
            a.mov(ebx, __dword_ptr[esp + 12]);
            a.mov(ecx, cs);
            a.retf(8);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(20).Reason);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.StoppedInHandler);
        Assert.Equal(0x2222u, machine.State.Gpr[VcpuState.Eax]);
        Assert.Equal(0x1111u, machine.State.Gpr[VcpuState.Ebx]);
        Assert.Equal(8u, machine.State.Gpr[VcpuState.Ecx]);
        Assert.Equal(0x40_0000u, machine.StackDword(4));
    }

    [Fact]
    public void JumpToATaskSavesOneAndLoadsTheOther()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        const uint other = 0x3800;
        machine.Memory.Write64(TestMachine.Gdt + 0x30, 0x0000_8900_3800_0067);
        machine.State.Gdtr = machine.State.Gdtr with { Limit = 0x37 };
        machine.Memory.Write32(other + 0x20, 0x10_5000);
        machine.Memory.Write32(other + 0x24, 2);
        machine.Memory.Write32(other + 0x28, 0xAAAA);
        machine.Memory.Write32(other + 0x38, 0x31_0000);
        foreach ((uint at, uint selector) in (ReadOnlySpan<(uint, uint)>)[(0x48, 0x10), (0x4C, 8), (0x50, 0x10), (0x54, 0x10), (0x58, 0), (0x5C, 0)])
        {
            machine.Memory.Write32(other + at, selector);
        }

        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(ebx, 7);
            a.call(0x30, 0);
            a.mov(ecx, 9);
            a.hlt();
        });
        machine.Assemble(0x10_5000, a =>
        {
            a.inc(eax);
            a.mov(__dword_ptr[0x200000], eax);
            a.iretd();
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(20).Reason);
        Assert.Equal(-1, machine.StoppedInHandler);
        Assert.Equal(0xAAABu, machine.Memory.Read32(0x20_0000));
        Assert.Equal((7u, 9u), (machine.State.Gpr[VcpuState.Ebx], machine.State.Gpr[VcpuState.Ecx]));
        Assert.Equal(0x28, machine.State.Tr.Selector);
        Assert.Equal(0xAAABu, machine.Memory.Read32(other + 0x28));
        Assert.Equal(0u, machine.State.Eflags & FlagBits.Nt);
        Assert.NotEqual(0u, machine.State.Cr0 & ControlRegisters.Cr0Ts);
    }

    [Theory]
    [InlineData(0u, 13)]
    [InlineData(FlagBits.Iopl, 0x21)]
    public void Virtual8086InterruptGoesWhereIoplSays(uint iopl, int vector)
    {
        using var machine = new TestMachine();
        machine.BuildTables(gateDpl: 3);
        machine.Assemble(TestMachine.Code, a =>
        {
            foreach (uint value in (ReadOnlySpan<uint>)[0x5000, 0x4000, 0x3000, 0x2000, 0x1000, 0xFFF0, FlagBits.Vm | iopl | 2, 0x1200, 0x10])
            {
                a.push(value);
            }

            a.iretd();
        });
        machine.Assemble(0x12010, a =>
        {
            a.mov(ax, ds);
            a.mov(__word_ptr[0], ax);
            a.@int(0x21);
        }, 16);
        Assert.Equal(VmExitReason.Halt, machine.Run(40).Reason);
        Assert.Equal(vector, machine.StoppedInHandler);
        Assert.Equal(0x3000, machine.Memory.Read16(0x30000));
        int skip = vector == 13 ? 1 : 0;
        Assert.Equal(0x1200u, machine.StackDword(skip + 1));
        Assert.Equal(FlagBits.Vm | iopl | 2, machine.StackDword(skip + 2) & ~FlagBits.Rf);
        Assert.Equal((0xFFF0u, 0x1000u), (machine.StackDword(skip + 3), machine.StackDword(skip + 4)));
        Assert.Equal((0x2000u, 0x3000u), (machine.StackDword(skip + 5), machine.StackDword(skip + 6)));
        Assert.Equal(0, machine.State.Segments[(int)SegmentIndex.Ds].Selector);
        Assert.Equal(0, machine.State.Cpl);
    }

    [Fact]
    public void RealModeTakesInterruptsThroughItsTable()
    {
        using var machine = new TestMachine();
        machine.State.Cr0 = ControlRegisters.Cr0Et;
        for (int i = 0; i < 6; i++)
        {
            machine.State.Segments[i] = new SegmentRegister(0x1000, 0x10000, 0xFFFF, 0x93);
        }

        machine.State.Idtr = new TableRegister(0, 0x3FF);
        machine.State.Eip = 0x100;
        machine.State.Gpr[VcpuState.Esp] = 0x2000;
        machine.Memory.Write32(0x21 * 4, 0x2000_0040);
        machine.Assemble(0x10100, a =>
        {
            a.mov(al, 1);
            a.@int(0x21);
            a.mov(bl, 3);
            a.hlt();
        }, 16);
        machine.Assemble(0x20040, a =>
        {
            a.mov(cl, 2);
            a.iret();
        }, 16);
        Assert.Equal(VmExitReason.Halt, machine.Run(20).Reason);
        Assert.Equal((1u, 2u, 3u), (machine.State.Gpr[0], machine.State.Gpr[1], machine.State.Gpr[3]));
        Assert.Equal(0x107u, machine.State.Eip);
    }

    [Theory]
    [InlineData((ushort)0x3F8, true)]
    [InlineData((ushort)0x3F9, false)]
    public void PermissionBitmapOpensPorts(ushort port, bool open)
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.State.Tr = machine.State.Tr with { Limit = 0x68 + 0x2000 };
        machine.Memory.Write16(TestMachine.Tss + 0x66, 0x68);
        machine.Memory.Slice(new Runtime.Memory.GuestPhysicalAddress(TestMachine.Tss + 0x68), 0x400).Fill(0xFF);
        machine.Memory.Write8(TestMachine.Tss + 0x68 + 0x3F8 / 8, 0xFE);
        machine.Assemble(0x4800, a => a.hlt());
        machine.Assemble(0x40D0, a => a.hlt());
        machine.EnterRing3();
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(dx, port);
            a.@out(dx, al);
        });
        Assert.Equal(open ? VmExitReason.PortWrite : VmExitReason.Halt, machine.Run(20).Reason);
    }
}
