using Runtime.Accounts;
using Runtime.Network;
using Xunit;

namespace Tests.Network;

public sealed class NetworkBillTests
{
    /// <summary>Who moved three frames of four pays three quarters; what was used while nothing moved is nobody's; too little waits.</summary>
    [Fact]
    public void ThreadIsPaidForByFrames()
    {
        NetworkAccount one = new(), two = new();
        var bill = new NetworkBill();
        bill.Add(one);
        bill.Add(two);
        one.AddSent(60);
        two.AddReceived(60);
        two.AddDropped();
        two.AddSent(1500);
        bill.Charge(50_000);
        Assert.Equal((0, 0), (one.ThreadNanoseconds, two.ThreadNanoseconds));
        bill.Charge(400_000);
        Assert.Equal((100_000, 300_000), (one.ThreadNanoseconds, two.ThreadNanoseconds));
        bill.Charge(1_000_000);
        Assert.Equal((100_000, 300_000), (one.ThreadNanoseconds, two.ThreadNanoseconds));
        one.AddReceived(60);
        bill.Charge(1_200_000);
        Assert.Equal((300_000, 300_000), (one.ThreadNanoseconds, two.ThreadNanoseconds));
    }
}
