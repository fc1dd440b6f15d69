namespace Okapi.Server.Proxies;

/// <summary>What a fault does to the bytes that go through a proxy, or to who comes.</summary>
internal abstract record Impairment;

internal sealed record Delayed(TimeSpan By, TimeSpan Jitter) : Impairment;

internal sealed record Throttled(long BytesPerSecond) : Impairment;

internal sealed record Splitting(int Size, TimeSpan Pause) : Impairment;

internal sealed record Stalled(long After) : Impairment;

internal sealed record Swallowed(TimeSpan CutAfter) : Impairment;

internal sealed record Cutting(long After, CutKind Kind) : Impairment;

internal sealed record SlowlyClosed(TimeSpan By) : Impairment;

/// <param name="Share">Of all bytes.</param>
/// <param name="Seed">The fault's own.</param>
internal sealed record Corrupted(double Share, int Seed) : Impairment;

internal sealed record CorruptedAt(long Offset, byte Mask) : Impairment;

internal sealed record Refused : Impairment;

internal sealed record Down : Impairment;
