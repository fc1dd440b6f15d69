namespace Okapi.Fuzz.Tests.Client;

/// <summary>
/// Inputs that reached what none before had reached: another verdict, another place, other ends of the calls. No tool that .NET has watches branches cheaply; this is what can be seen from
/// outside.
/// </summary>
internal sealed class Interesting
{
    private const int Most = 4096;

    private readonly HashSet<string> _seen = [];
    private readonly List<byte[]> _inputs = [];

    public int Count => _inputs.Count;

    public byte[] Pick(Luck luck) => luck.Pick(_inputs);

    /// <param name="signature">What the input reached; numbers in it do not count.</param>
    /// <param name="input">The input.</param>
    public void Consider(string signature, byte[] input)
    {
        if (_inputs.Count < Most && _seen.Add(string.Concat(signature.Where(each => !char.IsAsciiDigit(each))))) _inputs.Add(input);
    }
}
