using Okapi.Conformance.Tests.Rows;

[assembly: AssemblyFixture(typeof(SharedApache))]
[assembly: AssemblyFixture(typeof(SharedEmbedded))]
[assembly: AssemblyFixture(typeof(SharedEmbedded39))]

namespace Okapi.Conformance.Tests.Rows;

/// <summary>One server for all rows that need nothing special. A class that does names a server of its own.</summary>
public sealed class SharedApache() : ApacheFixture(null);

/// <summary>The same rows on an embedded server with the same quirks.</summary>
public sealed class SharedEmbedded() : EmbeddedFixture(null);

/// <summary>And on one that behaves as 3.9.</summary>
public sealed class SharedEmbedded39() : Embedded39Fixture(null);

/// <summary>A server for one class alone, which may count zxids, kill it or spoil it.</summary>
public sealed class ApacheAlone() : ApacheFixture(null);

/// <summary>The same, embedded.</summary>
public sealed class EmbeddedAlone() : EmbeddedFixture(null);

/// <summary>The same, as 3.9.</summary>
public sealed class Embedded39Alone() : Embedded39Fixture(null);

public sealed class EnforcingApache() : ApacheFixture(RowOptions.QuotaEnforced);

public sealed class SaslApache() : ApacheFixture(RowOptions.SaslRequired);

public sealed class SwitchedApache() : ApacheFixture(RowOptions.Switched);

public sealed class EnforcingEmbedded() : EmbeddedFixture(RowOptions.QuotaEnforced);

public sealed class SaslEmbedded() : EmbeddedFixture(RowOptions.SaslRequired);

public sealed class SwitchedEmbedded() : EmbeddedFixture(RowOptions.Switched);

public sealed class EnforcingEmbedded39() : Embedded39Fixture(RowOptions.QuotaEnforced);

public sealed class SaslEmbedded39() : Embedded39Fixture(RowOptions.SaslRequired);

public sealed class SwitchedEmbedded39() : Embedded39Fixture(RowOptions.Switched);

/// <summary>How the servers are set up for rows that options make a difference to; the same for every kind of server.</summary>
public static class RowOptions
{
    public const string User = "ann", Password = "of-ann";

    public static TargetOptions QuotaEnforced { get; } = new() { EnforceQuota = true };

    public static TargetOptions SaslRequired { get; } = new() { Sasl = $"{User}:{Password}", RequireSasl = true };

    /// <summary>What can be switched on or off without a bearing on one another.</summary>
    public static TargetOptions Switched { get; } = new() { Words = null, Ttl = false, Reconfig = true, MaxClientConnections = 20, MaxSessionTimeoutMs = 30_000 };
}
