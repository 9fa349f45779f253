// Commands whose data the bus master moves, and FLUSH CACHE: all that goes on while the guest does.
namespace Runtime.Devices;

internal sealed partial class IdeDrive
{
    private byte _multiwordMode = 2;
    private byte _ultraMode = IdeIdentity.NoMode;

    /// <summary>A command is in progress: the task file belongs to the drive.</summary>
    public bool IsBusy => Status.HasFlag(IdeStatus.Busy);

    private void StartDma(bool is48Bit, bool isWriting, bool isForced = false)
    {
        if (isWriting && image.IsReadOnly)
        {
            Abort();
            return;
        }

        if (!TryStart(is48Bit, blockSectors: 1, isWriting))
        {
            return;
        }

        Status = IdeStatus.Busy;
        busMaster.Request(new IdeTransfer(image, _sector, _sectorsLeft, isWriting, succeeded => FinishDma(succeeded, isForced)));
    }

    private void FinishDma(bool succeeded, bool isForced)
    {
        if (!succeeded)
        {
            Fail(IdeError.Aborted);
            return;
        }

        _blockLength = _sectorsLeft * DiskImage.SectorSize;
        Retire();
        _blockLength = 0;
        if (isForced || (_isWriting && !_writeCache))
        {
            Flush();
        }
        else
        {
            Finish();
        }
    }

    /// <summary>Ends when the host says that everything written is on its disk.</summary>
    private void Flush()
    {
        Status = IdeStatus.Busy;
        busMaster.Worker.Start(TryFlush, succeeded =>
        {
            if (succeeded)
            {
                Finish();
            }
            else
            {
                Fail(IdeError.Uncorrectable);
            }
        });
    }

    private bool TryFlush()
    {
        try
        {
            image.Flush();
            return true;
        }
        catch (Exception refused) when (refused is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>SET FEATURES 03h: sector count bits 7-3 are the kind of transfer, 2-0 the mode (ATA/ATAPI-6, table 44).</summary>
    private void SetTransferMode(byte value)
    {
        int mode = value & 7;
        switch (value >> 3)
        {
            case 0 or 1: // PIO
                Finish();
                break;
            case 4 when mode <= IdeIdentity.HighestMultiwordMode:
                (_multiwordMode, _ultraMode) = ((byte)mode, IdeIdentity.NoMode);
                Finish();
                break;
            case 8 when mode <= IdeIdentity.HighestUltraMode:
                (_multiwordMode, _ultraMode) = (IdeIdentity.NoMode, (byte)mode);
                Finish();
                break;
            default:
                Abort();
                break;
        }
    }
}
