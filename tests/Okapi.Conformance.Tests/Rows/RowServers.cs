using Okapi.Conformance.Tests.Rows;

[assembly: AssemblyFixture(typeof(SharedApache))]

namespace Okapi.Conformance.Tests.Rows;

/// <summary>One server for all rows that need nothing special. A class that does names a server of its own.</summary>
public sealed class SharedApache() : ApacheFixture(null);
