namespace Runtime.Memory;

/// <summary>Keeps something that was derived from the contents of frames, such as patched copies of code. A device that writes guest memory by
/// itself (DMA) tells it before the guest is told that the transfer is done.</summary>
public interface IFrameWatch
{
    /// <summary>Whether anything was derived from a frame. Safe from any thread.</summary>
    bool IsWatched(uint frame);

    /// <summary>A frame was written. On the vcpu's thread only, while no guest code runs.</summary>
    void Written(uint frame);
}
