namespace Runtime.Engines.Interpreter;

/// <summary>Told of what a shadow of the guest's translations depends on. Called after the change is made.</summary>
public interface ICpuObserver
{
    /// <summary>MOV to CR, LMSW, CLTS or a task switch wrote a control register.</summary>
    void ControlRegisterWritten(int register, uint before, uint after);

    /// <summary>The translation caches were emptied.</summary>
    /// <param name="includingGlobal">Global pages too: CR0.PG/WP or CR4.PGE/PSE/PAE changed.</param>
    void TlbFlushed(bool includingGlobal);

    /// <summary>INVLPG.</summary>
    void PageInvalidated(uint linear);

    /// <summary>A segment register was loaded, or made unusable by a return to an outer level.</summary>
    void SegmentLoaded(SegmentIndex index);

    /// <summary>VERW found a data segment writable.</summary>
    void SegmentVerified(SegmentRegister segment);

    /// <summary>A store reached a frame whose flag in <c>Cpu.FrameFlags</c> is not zero. Already stored; may span into the next frame.</summary>
    void PhysicalWrite(uint frame, int offset, int length);
}
