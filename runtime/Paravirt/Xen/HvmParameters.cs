using Runtime.Abi.Xen;

namespace Runtime.Paravirt.Xen;

/// <summary>The values that hvm_op hands out, and how the guest wants its upcalls.</summary>
internal sealed class HvmParameters
{
    private readonly Dictionary<HvmParameter, ulong> _values = [];

    /// <summary>Called when the guest has said how it wants to be told of events.</summary>
    public Action<ulong>? CallbackChanged { get; set; }

    /// <summary>What the platform offers.</summary>
    public void Offer(HvmParameter parameter, ulong value) => _values[parameter] = value;

    /// <summary>A guest may set how it is called back, and nothing that the platform has chosen.</summary>
    public XenError Set(HvmParameter parameter, ulong value)
    {
        if (parameter != HvmParameter.CallbackIrq)
        {
            return _values.ContainsKey(parameter) ? XenError.NotPermitted : XenError.Invalid;
        }

        _values[parameter] = value;
        CallbackChanged?.Invoke(value);
        return XenError.None;
    }

    public bool TryGet(HvmParameter parameter, out ulong value) => _values.TryGetValue(parameter, out value);
}
