// Interrupt messages: what the guest, the I/O APIC and the local vector table send to this processor.
namespace Runtime.Devices;

public sealed partial class LocalApic
{
    private const uint LogicalDestinationMode = 1 << 11;

    /// <summary>Takes a message if it names this APIC.</summary>
    internal bool TryAccept(in ApicMessage message)
    {
        if (!IsPresent || !IsNamed(message.Destination, message.IsLogical))
        {
            return false;
        }

        switch (message.Delivery)
        {
            case ApicDelivery.Fixed or ApicDelivery.LowestPriority:
                Request(message.Vector, message.IsLevel, IllegalVectorReceived);
                break;
            case ApicDelivery.NonMaskable:
                _isNonMaskablePending = true;
                break;
            default: // SMI, INIT and start-up have no meaning for the one processor that runs
                break;
        }

        return true;
    }

    /// <summary>SDM vol. 3, 11.6.2.</summary>
    private bool IsNamed(byte destination, bool isLogical)
    {
        const byte clusters = 0xF0, members = 0x0F;
        if (destination == ApicMessage.ToAll)
        {
            return true;
        }

        if (!isLogical)
        {
            return destination == _id >> 24;
        }

        uint self = _logicalDestination >> 24;
        bool isFlat = _destinationFormat >> 28 == 0xF;
        return isFlat ? (destination & self) != 0 : (destination & clusters) == (self & clusters) && (destination & self & members) != 0;
    }

    /// <summary>An interprocessor interrupt; there is nobody to send one to but the processor itself.</summary>
    private void Send()
    {
        var delivery = (ApicDelivery)((_commandLow & DeliveryMode) >> 8);
        bool isLogical = (_commandLow & LogicalDestinationMode) != 0;
        byte? destination = (_commandLow >> 18) switch
        {
            0 => (byte)(_commandHigh >> 24),
            1 or 2 => ApicMessage.ToAll, // itself; all including itself
            _ => null,
        };
        if (delivery is ApicDelivery.Fixed or ApicDelivery.LowestPriority && (_commandLow & 0xFF) < FirstVector)
        {
            Report(IllegalVectorSent);
        }
        else if (destination is byte named)
        {
            TryAccept(new ApicMessage((byte)_commandLow, delivery, named, isLogical, IsLevel: false));
        }
    }

    /// <summary>An entry of the local vector table.</summary>
    private void Deliver(int entry)
    {
        if ((_entries[entry] & Masked) != 0)
        {
            return;
        }

        if ((_entries[entry] & DeliveryMode) == (uint)ApicDelivery.NonMaskable << 8)
        {
            _isNonMaskablePending = true;
            return;
        }

        Request((int)(_entries[entry] & 0xFF), isLevel: false, IllegalVectorReceived);
    }

    private void Request(int vector, bool isLevel, uint error)
    {
        if (vector < FirstVector)
        {
            Report(error);
            return;
        }

        _requests.Set(vector);
        if (isLevel)
        {
            _levels.Set(vector);
        }
        else
        {
            _levels.Clear(vector);
        }
    }

    private void Report(uint error)
    {
        _newErrors |= error;
        if ((_entries[ErrorEntry] & 0xFF) >= FirstVector)
        {
            Deliver(ErrorEntry);
        }
    }
}
