namespace Okapi.Conformance.Tests.Scripts;

public class DifferentialTests(ApacheAndEmbedded servers) : IClassFixture<ApacheAndEmbedded>
{
    [Fact]
    public Task The_embedded_server_says_what_Apache_says_to_every_script() => servers.CompareAsync(2000);
}
