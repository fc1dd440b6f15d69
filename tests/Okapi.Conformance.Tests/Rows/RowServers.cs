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
