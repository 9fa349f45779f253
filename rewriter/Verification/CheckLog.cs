namespace Rewriter.Verification;

/// <summary>What one check has seen.</summary>
/// <param name="placeOf">Names an address of the image.</param>
sealed class CheckLog(string name, string meaning, string of, List<Violation> violations, Func<ulong, string> placeOf)
{
    long _checked;
    int _failed;

    public CheckResult Result => new(name, meaning, _checked, of, _failed);

    public void Count(long number = 1) => _checked += number;

    public void Fail(string place, string what)
    {
        _failed++;
        if (violations.Count < VerificationReport.MaxViolations)
        {
            violations.Add(new Violation(name, place, what));
        }
    }

    public void Fail(ulong address, string what) => Fail(placeOf(address), what);

    /// <summary>Fails unless a condition holds.</summary>
    public void Require(bool condition, ulong address, string what)
    {
        if (!condition)
        {
            Fail(address, what);
        }
    }
}
