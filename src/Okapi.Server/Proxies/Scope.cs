namespace Okapi.Server.Proxies;

/// <summary>Which connections a fault strikes, by the order in which they came.</summary>
/// <param name="First">The number of the first.</param>
/// <param name="Last">The number of the last.</param>
internal readonly record struct Scope(long First, long Last)
{
    public static Scope All => new(0, long.MaxValue);

    public bool Has(long connection) => connection >= First && connection <= Last;
}
