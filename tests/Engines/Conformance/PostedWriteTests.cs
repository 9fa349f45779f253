using Iced.Intel;
using Runtime.Engines;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Port writes without an exit: all of them come out, in order, and only those that may wait.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class PostedWriteTests
{
    private const string Engine = "direct para";
    private const byte MasterCommand = 0x20, MasterMask = 0x21, SlaveCommand = 0xA0, SlaveMask = 0xA1, Post = 0x80;

    [Fact]
    public void ComeOutInOrderAndMasksAreReadBack()
    {
        var p = new GuestProgram();
        foreach ((byte port, int value) in new[] { (MasterMask, 0xE9), (SlaveMask, 0x5A), (MasterCommand, 0x60), (SlaveCommand, 0x20), (Post, 0x77) })
        {
            p.Main.mov(eax, value);
            p.Main.@out(port, al);
        }

        p.Main.xor(eax, eax);
        p.Main.@in(al, MasterMask);
        p.Main.mov(ah, al);
        p.Main.@in(al, SlaveMask);
        p.Report();
        p.End();

        using GuestRun run = Run(p, isAllowed: true);
        Assert.Equal(["e95a", "end"], run.Log);
        Assert.Equal(
            [new(MasterMask, 0xE9), new(SlaveMask, 0x5A), new(MasterCommand, 0x60), new(SlaveCommand, 0x20), new(Post, 0x77)],
            run.Posted);
    }

    [Fact]
    public void LeaveAsExitsWhereTheRunLoopSaysSo()
    {
        var p = new GuestProgram();
        p.Main.mov(eax, 0x20);
        p.Main.@out(MasterMask, al);
        p.Main.@out(MasterCommand, al);
        p.Main.@in(al, MasterMask);
        p.Report();
        p.End();

        using GuestRun run = Run(p, isAllowed: false);
        Assert.Equal(["port 21 value 20", "port 20 value 20", "5a", "end"], run.Log);
        Assert.Empty(run.Posted);
    }

    [Theory]
    [InlineData(0x11)] // ICW1
    [InlineData(0x0B)] // OCW3: read in-service register
    [InlineData(0x0C)] // OCW3: poll
    [InlineData(0x68)] // OCW3: special mask mode
    public void OfTheCommandsOnlyEndsOfInterruptWait(byte command)
    {
        var p = new GuestProgram();
        p.Main.mov(eax, command);
        p.Main.@out(MasterCommand, al);
        p.Main.@out(SlaveCommand, al);
        p.End();

        using GuestRun run = Run(p, isAllowed: true);
        Assert.Equal([$"port 20 value {command:x}", $"port a0 value {command:x}", "end"], run.Log);
        Assert.Empty(run.Posted);
    }

    [Fact]
    public void AFullQueueExits()
    {
        var p = new GuestProgram();
        for (int i = 0; i < 20; i++)
        {
            p.Main.mov(eax, i);
            p.Main.@out(MasterMask, al);
        }

        p.End();
        using GuestRun run = Run(p, isAllowed: true);
        Assert.Equal(["port 21 value 10", "end"], run.Log);
        Assert.Equal(Enumerable.Range(0, 20).Where(i => i != 0x10).Select(i => new PortWrite(MasterMask, (byte)i)), run.Posted);
    }

    [Fact]
    public void ChangeNoFlagAndNoRegister()
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        foreach (int flags in new[] { 0x8D5, 0 })
        {
            a.push(flags);
            a.popfd();
            a.mov(ecx, 0x1234_5678);
            a.mov(eax, 0xCAFE_0060);
            a.@out(MasterCommand, al);
            a.@out(MasterMask, al);
            a.@in(al, MasterMask);
            a.pushfd();
            p.Report();
            a.mov(eax, ecx);
            p.Report();
            a.pop(eax);
            a.and(eax, 0x8D5);
            p.Report();
        }

        p.End();
        using GuestRun run = Run(p, isAllowed: true);
        Assert.Equal(["cafe0060", "12345678", "8d5", "cafe0060", "12345678", "0", "end"], run.Log);
    }

    [Theory]
    [InlineData(0xFFFF_FFFFu)]
    [InlineData(0x200u)]
    [InlineData(17u)]
    public void AGuestThatWritesTheQueuesWordsItselfHarmsOnlyItself(uint room)
    {
        var p = new GuestProgram();
        uint word = Runtime.Abi.MonitorWindow.DefaultBase + Runtime.Abi.MonitorWindow.Data.PostRoom;
        p.Main.mov(__dword_ptr[word], room);
        p.Main.mov(eax, 1);
        p.Report();
        p.End();
        using GuestRun run = Run(p, isAllowed: true);
        Assert.Equal("end", run.Log[^1]);
        Assert.True(run.Posted.Count <= Runtime.Abi.MonitorWindow.Data.PostCapacity);
    }

    private static GuestRun Run(GuestProgram program, bool isAllowed)
    {
        var run = new GuestRun(Engine, program);
        run.Engine.Posted!.Allow(isAllowed, 0xFF, 0xFF);
        run.ToEnd();
        return run;
    }
}
