using System.Diagnostics;
using Okapi.Server;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Apache's server, and the embedded one with the same quirks.</summary>
public sealed class ApacheAndEmbedded : IAsyncLifetime
{
    private Target? _apache, _embedded;

    public Target Apache => _apache ?? Missing();

    public Target Embedded => _embedded ?? Missing();

    public async ValueTask InitializeAsync()
    {
        if (!Okapi.TestSupport.ApacheZooKeeper.IsAvailable) return;
        _apache = await ApacheTarget.StartAsync(TwoApaches.Options);
        _embedded = await EmbeddedTarget.StartAsync(TwoApaches.Options, ServerVersion.V38);
    }

    public async ValueTask DisposeAsync()
    {
        if (_apache is not null) await _apache.DisposeAsync();
        if (_embedded is not null) await _embedded.DisposeAsync();
    }

    private static Target Missing()
    {
        NeedApache.OrSkip();
        throw new InvalidOperationException("The servers have not been started.");
    }
}

/// <summary>That the embedded server says what Apache's says, whatever is asked.</summary>
public class EmbeddedScriptTests(ApacheAndEmbedded servers) : IClassFixture<ApacheAndEmbedded>
{
    [Fact]
    public async Task Both_servers_say_the_same_to_every_script()
    {
        var differential = new Differential("apache", servers.Apache, "embedded", servers.Embedded);
        var time = Stopwatch.StartNew();
        IReadOnlyList<string> failures = await differential.RunAsync(ScriptSettings.Choose(2_000));
        TestContext.Current.TestOutputHelper?.WriteLine($"{differential.Steps} steps on each server in {time.Elapsed.TotalSeconds:f1} s: {differential.Steps / time.Elapsed.TotalSeconds:f0}/s.");
        if (failures.Count > 0) Assert.Fail(string.Join("\n\n", failures));
    }
}
