// The ideal: processors as a fluid that flows to all clients at once, by weight, as far as each can take it.
namespace Runtime.Scheduling;

/// <summary>Divides processors among clients. A client takes one processor at most, or its cap; what it cannot take is shared by the others
/// (weight readjustment: Chandra et al., "Surplus Fair Scheduling", OSDI 2000).</summary>
internal static class FluidRates
{
    /// <param name="weightOf">A client's weight.</param>
    public static void Assign(IReadOnlyCollection<ShareClient> clients, int processors, Func<ShareClient, double> weightOf)
    {
        double left = processors;
        double weights = clients.Sum(weightOf);
        foreach (ShareClient client in clients.OrderBy(client => Limit(client) / weightOf(client)).ThenBy(client => client.Order))
        {
            double weight = weightOf(client);
            client.Rate = Math.Min(Limit(client), left * weight / weights);
            left -= client.Rate;
            weights -= weight;
        }
    }

    private static double Limit(ShareClient client) => Math.Min(client.Cap, 1);
}
