using Okapi.TestSupport;

namespace Okapi.Server.Tests.Storage;

/// <summary>What a test does that cannot run without Apache ZooKeeper: in CI it fails, elsewhere it says why it is left out.</summary>
internal static class NeedApache
{
    public static void OrSkip()
    {
        if (ApacheZooKeeper.IsAvailable) return;
        if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail("Apache ZooKeeper is required here: " + ApacheZooKeeper.WhyUnavailable);
        Assert.Skip(ApacheZooKeeper.WhyUnavailable);
    }
}
