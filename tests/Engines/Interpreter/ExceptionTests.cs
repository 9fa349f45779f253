// Faults leave the processor as it was, and are delivered by the rules of SDM vol. 3, chapter 6.
using Iced.Intel;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Interpreter;

public sealed class ExceptionTests
{
    [Fact]
    public void PageFaultTellsAddressAndCauseAndStartOfInstruction()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.EnablePaging();
        machine.Memory.Write32(TestMachine.PageEntry(0x20_0000), 0);
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(eax, 5);
            a.add(__dword_ptr[0x200ffe], eax);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.PageFault, machine.StoppedInHandler);
        Assert.Equal(0x20_0FFEu, machine.State.Cr2);
        Assert.Equal(2u, machine.StackDword(0));
        Assert.Equal(TestMachine.Code + 5, machine.StackDword(1));
        Assert.Equal(FlagBits.Rf | 2, machine.StackDword(3));
    }

    [Theory]
    [InlineData(7u, true, 0x200000u, 0u, false)]
    [InlineData(5u, true, 0x200000u, 7u, true)]
    [InlineData(3u, true, 0x200000u, 7u, true)]
    [InlineData(5u, false, 0x200000u, 3u, true)]
    [InlineData(0u, false, 0x200000u, 2u, true)]
    [InlineData(0u, true, 0x200000u, 6u, true)]
    public void RightsOfAPageDecide(uint entryFlags, bool user, uint at, uint expectedError, bool faults)
    {
        using var machine = new TestMachine();
        machine.EnablePaging();
        machine.Memory.Write32(TestMachine.PageEntry(at), at | entryFlags);
        bool ok = machine.Cpu.TryTranslate(at, AccessKind.Write, user, out PageTranslation found, out uint error);
        Assert.Equal(!faults, ok);
        Assert.Equal(expectedError, error);
        if (ok)
        {
            Assert.Equal(at, found.Physical);
            Assert.Equal(0x67u, machine.Memory.Read32(TestMachine.PageEntry(at)) & 0xFF);
        }
    }

    [Fact]
    public void ProbingWalkLeavesAccessedAndDirtyAlone()
    {
        using var machine = new TestMachine();
        machine.EnablePaging();
        Assert.True(machine.Cpu.TryTranslate(0x20_0000, AccessKind.Write, false, false, out PageTranslation found, out _));
        Assert.False(found.Dirty);
        Assert.Equal(7u, machine.Memory.Read32(TestMachine.PageEntry(0x20_0000)) & 0xFF);
    }

    [Fact]
    public void InstructionAcrossPagesFaultsAtTheSecondPage()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.EnablePaging();
        machine.Memory.Write32(TestMachine.PageEntry(0x10_1000), 0);
        machine.State.Eip = 0x10_0FFD;
        machine.Write(0x10_0FFD, 0xB8, 1, 2);
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.PageFault, machine.StoppedInHandler);
        Assert.Equal(0x10_1000u, machine.State.Cr2);
        Assert.Equal(0x10_0FFDu, machine.StackDword(1));
    }

    [Fact]
    public void PushThatFaultsDoesNotMoveTheStack()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.EnablePaging();
        machine.EnterRing3();
        machine.State.Gpr[VcpuState.Esp] = 0x20_0000;
        machine.Memory.Write32(TestMachine.PageEntry(0x1F_F000), 0);
        machine.Assemble(TestMachine.Code, a => a.push(eax));
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.PageFault, machine.StoppedInHandler);
        Assert.Equal(6u, machine.StackDword(0));
        Assert.Equal(0x20_0000u, machine.StackDword(4));
    }

    [Fact]
    public void RepeatedMoveThatFaultsCanGoOn()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.EnablePaging();
        machine.Memory.Write32(TestMachine.PageEntry(0x20_1000), 0);
        machine.State.Gpr[VcpuState.Ecx] = 0x500;
        machine.State.Gpr[VcpuState.Esi] = 0x21_0000;
        machine.State.Gpr[VcpuState.Edi] = 0x20_0800;
        machine.Assemble(TestMachine.Code, a => a.rep.movsd());
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.PageFault, machine.StoppedInHandler);
        Assert.Equal(TestMachine.Code, machine.StackDword(1));
        Assert.Equal(0x300u, machine.State.Gpr[VcpuState.Ecx]);
        Assert.Equal(0x20_1000u, machine.State.Gpr[VcpuState.Edi]);
    }

    [Fact]
    public void FaultWhileDeliveringAFaultIsADoubleFault()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Memory.Write64(TestMachine.Idt + 13 * 8, 0);
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(eax, 0x1234);
            a.mov(ds, eax);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.DoubleFault, machine.StoppedInHandler);
        Assert.Equal(0u, machine.StackDword(0));
        Assert.Equal(TestMachine.Code + 5, machine.StackDword(1));
    }

    [Fact]
    public void TripleFaultShutsDownAndStaysDown()
    {
        using var machine = new TestMachine();
        machine.Assemble(TestMachine.Code, a => a.ud2());
        Assert.Equal(VmExitReason.Shutdown, machine.Run(10).Reason);
        Assert.Equal(VmExitReason.Shutdown, machine.Cpu.Step().Reason);
        Assert.Equal(TestMachine.Code, machine.State.Eip);
    }

    [Fact]
    public void InstructionOfSixteenBytesIsAProtectionFault()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Write(TestMachine.Code, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x3E, 0x90);
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.GeneralProtection, machine.StoppedInHandler);
    }

    [Theory]
    [InlineData("F0 89 C8")]
    [InlineData("0F 0B")]
    [InlineData("0F FF")]
    [InlineData("F0 90")]
    [InlineData("8E C8")]
    [InlineData("0F 34")]
    [InlineData("0F 05")]
    [InlineData("F3 0F B8 C0")]
    [InlineData("0F 38 F0 06")]
    public void WhatThisProcessorLacksIsUndefined(string bytes)
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Write(TestMachine.Code, Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.InvalidOpcode, machine.StoppedInHandler);
    }

    [Fact]
    public void AlignmentIsCheckedAtRing3WhenAsked()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.EnterRing3();
        machine.State.Cr0 |= ControlRegisters.Cr0Am;
        machine.State.Eflags |= FlagBits.Ac;
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(eax, __dword_ptr[0x200000]);
            a.mov(eax, __dword_ptr[0x200002]);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.AlignmentCheck, machine.StoppedInHandler);
        Assert.Equal(0u, machine.StackDword(0));
    }

    [Fact]
    public void ExecuteDisableFaultsWithTheFetchBit()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        for (uint i = 0; i < 4; i++)
        {
            machine.Memory.Write64(0x80000 + i * 8, 0x81000 + i * 0x1000 | 1);
        }

        machine.Memory.Write64(0x81000, 0xE7);
        machine.Memory.Write64(0x81008, 0x8000_0000_0020_00E7);
        machine.State.Cr3 = 0x80000;
        machine.State.Cr4 |= ControlRegisters.Cr4Pae;
        machine.State.Efer = ControlRegisters.EferNxe;
        machine.State.Cr0 |= ControlRegisters.Cr0Pg;
        machine.Cpu.FlushTlb();
        machine.Assemble(TestMachine.Code, a => a.jmp(0x200000));
        Assert.Equal(VmExitReason.Halt, machine.Run(10).Reason);
        Assert.Equal(ExceptionVector.PageFault, machine.StoppedInHandler);
        Assert.Equal(PageBits.FaultPresent | PageBits.FaultFetch, machine.StackDword(0));
        Assert.True(machine.Cpu.TryTranslate(0x20_0000, AccessKind.Read, false, out PageTranslation data, out _));
        Assert.True(data.NoExecute && data.PageSize == 0x20_0000);
    }
}
