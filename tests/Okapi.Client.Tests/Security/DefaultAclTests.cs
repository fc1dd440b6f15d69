using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>Who has credentials and leaves znodes open to everybody is told, once, unless that is what was asked for.</summary>
public sealed class DefaultAclTests
{
    private const int OpenByOmission = 14;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Cases => new()
    {
        { "nothing", false },
        { "a credential", true },
        { "a credential, added later", true },
        { "SASL", true },
        { "a credential, and open on purpose", false },
        { "a credential, and a list of its own", false },
        { "a credential, and a list with each call", false },
    };

    [Theory, MemberData(nameof(Cases))]
    public async Task A_znode_that_is_open_by_omission_is_warned_of_once(string kind, bool warned)
    {
        var peer = new ScriptedPeer();
        using var log = new LogRecorder();
        ZooKeeperOptions options = peer.Options();
        options.LoggerFactory = log;
        if (kind.StartsWith("a credential", StringComparison.Ordinal) && !kind.EndsWith("later", StringComparison.Ordinal)) options.Auth.Add(AuthInfo.Digest("ann", "a"));
        if (kind == "SASL") options.Sasl = new() { UserName = "ann", Password = "a" };
        if (kind.EndsWith("on purpose", StringComparison.Ordinal)) options.DefaultAcl = Acl.Open;
        if (kind.EndsWith("of its own", StringComparison.Ordinal)) options.DefaultAcl = Acl.CreatorAll;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        if (kind.EndsWith("later", StringComparison.Ordinal)) Forget(zk.AddAuthAsync(AuthInfo.Digest("ann", "a"), Cancel));
        Forget(zk.ExistsAsync("/a", Cancel).AsTask()); // who only reads is left alone
        Assert.Equal(0, log.Count(OpenByOmission));
        IReadOnlyList<Acl>? own = kind.EndsWith("each call", StringComparison.Ordinal) ? Acl.CreatorAll : null;
        for (int i = 0; i < 3; i++) Forget(zk.CreateAsync($"/a{i}", acl: own, cancellationToken: Cancel).AsTask());
        Forget(zk.Transaction().Create("/b", acl: own).CommitAsync(Cancel));
        Assert.Equal(warned ? 1 : 0, log.Count(OpenByOmission));
    }

    private static void Forget(Task task) => _ = task.ContinueWith(static ended => _ = ended.Exception, TaskScheduler.Default);
}
