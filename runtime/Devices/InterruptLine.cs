namespace Runtime.Devices;

/// <summary>What interrupt lines lead to: an interrupt controller.</summary>
public interface IInterruptInputs
{
    /// <summary>The level of an input has changed.</summary>
    void SetLevel(int input, bool isHigh);
}

/// <summary>One wire from a device to an interrupt controller. The device says the level; whether an edge or the level counts is the
/// controller's affair.</summary>
public sealed class InterruptLine(IInterruptInputs controller, int input)
{
    /// <summary>The processor has acknowledged an interrupt that came over this line.</summary>
    public event Action? Acknowledged;

    public bool IsHigh { get; private set; }

    public void Set(bool isHigh)
    {
        if (IsHigh != isHigh)
        {
            IsHigh = isHigh;
            controller.SetLevel(input, isHigh);
        }
    }

    /// <summary>Makes a rising edge whatever the level was; the line stays high.</summary>
    public void Edge()
    {
        Set(false);
        Set(true);
    }

    internal void Acknowledge() => Acknowledged?.Invoke();
}
