using System.Diagnostics;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Two of Apache's servers, set up alike: what scripts are told apart by must not be what two equal servers differ in.</summary>
public sealed class TwoApaches : IAsyncLifetime
{
    private Target? _one, _other;

    /// <summary>Nothing is reaped while a script runs, for that would be a matter of time.</summary>
    public static TargetOptions Options { get; } = new() { ContainerCheckMs = 3_600_000 };

    public Target One => _one ?? Missing();

    public Target Other => _other ?? Missing();

    public async ValueTask InitializeAsync()
    {
        if (!Okapi.TestSupport.ApacheZooKeeper.IsAvailable) return;
        Task<ApacheTarget> one = ApacheTarget.StartAsync(Options), other = ApacheTarget.StartAsync(Options);
        (_one, _other) = (await one, await other);
    }

    public async ValueTask DisposeAsync()
    {
        if (_one is not null) await _one.DisposeAsync();
        if (_other is not null) await _other.DisposeAsync();
    }

    private static Target Missing()
    {
        NeedApache.OrSkip();
        throw new InvalidOperationException("The servers have not been started.");
    }
}

/// <summary>That scripts tell the same of servers that are the same, and that they see what differs.</summary>
public class ScriptTests(TwoApaches servers) : IClassFixture<TwoApaches>
{
    [Fact]
    public async Task Two_servers_of_the_same_kind_say_the_same_to_every_script()
    {
        var differential = new Differential("one", servers.One, "other", servers.Other);
        var time = Stopwatch.StartNew();
        IReadOnlyList<string> failures = await differential.RunAsync(ScriptSettings.Choose(150));
        TestContext.Current.TestOutputHelper?.WriteLine($"{differential.Steps} steps on each server in {time.Elapsed.TotalSeconds:f1} s: {differential.Steps / time.Elapsed.TotalSeconds:f0}/s.");
        if (failures.Count > 0) Assert.Fail(string.Join("\n\n", failures));
    }
}
