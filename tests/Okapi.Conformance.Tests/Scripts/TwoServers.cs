using System.Diagnostics;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Apache's server and another, set up alike.</summary>
public abstract class TwoServers : IAsyncLifetime
{
    private Target? _one, _other;

    /// <summary>Nothing is reaped while a script runs, for that would be a matter of time.</summary>
    protected static TargetOptions Options { get; } = new() { ContainerCheckMs = 3_600_000 };

    public Target One => _one ?? Missing();

    public Target Other => _other ?? Missing();

    protected abstract string OneName { get; }

    protected abstract string OtherName { get; }

    public async ValueTask InitializeAsync()
    {
        if (!ApacheZooKeeper.IsAvailable) return;
        Task<ApacheTarget> one = ApacheTarget.StartAsync(Options);
        _other = await StartOtherAsync();
        _one = await one;
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_one is not null) await _one.DisposeAsync();
        if (_other is not null) await _other.DisposeAsync();
    }

    /// <summary>Runs scripts on both servers, and fails if they say different things.</summary>
    /// <param name="count">How many, if the environment says nothing else.</param>
    public async Task CompareAsync(int count)
    {
        var differential = new Differential(OneName, One, OtherName, Other) { MaximumFailures = ScriptSettings.Failures };
        var time = Stopwatch.StartNew();
        IReadOnlyList<string> failures = await differential.RunAsync(ScriptSettings.Choose(count));
        TestContext.Current.TestOutputHelper?.WriteLine($"{differential.Steps} steps on each server in {time.Elapsed.TotalSeconds:f1} s: {differential.Steps / time.Elapsed.TotalSeconds:f0}/s.");
        if (failures.Count > 0) Assert.Fail(string.Join("\n\n", failures));
    }

    protected abstract Task<Target> StartOtherAsync();

    private static Target Missing()
    {
        NeedApache.OrSkip();
        throw new InvalidOperationException("The servers have not been started.");
    }
}

/// <summary>Two of Apache's servers: what scripts are told apart by must not be what two equal servers differ in.</summary>
public sealed class TwoApaches : TwoServers
{
    protected override string OneName => "one";

    protected override string OtherName => "other";

    protected override async Task<Target> StartOtherAsync() => await ApacheTarget.StartAsync(Options);
}

/// <summary>Apache's server 3.8.0 and the embedded one that behaves as it.</summary>
public sealed class ApacheAndEmbedded : TwoServers
{
    protected override string OneName => "Apache";

    protected override string OtherName => "embedded";

    protected override async Task<Target> StartOtherAsync() => await EmbeddedTarget.StartAsync(Options, ServerVersion.V38);
}
