using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What create refuses, and which fault it tells of where there are several.</summary>
public abstract class CreateRows(TargetFixture fixture) : RowTest(fixture)
{
    private const ErrorCode BadArguments = ErrorCode.BadArguments, InvalidAcl = ErrorCode.InvalidAcl, NoNode = ErrorCode.NoNode, NoAuth = ErrorCode.NoAuth, NodeExists = ErrorCode.NodeExists;

    private static readonly Acl[] NobodyCreates = [new(Permissions.All & ~Permissions.Create, "world", "anyone")];

    public sealed class OnApache(SharedApache fixture) : CreateRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : CreateRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : CreateRows(fixture);

    /// <summary>A path, the parent's kind in its name; whether the ACL is valid; the flags; what is told.</summary>
    public static TheoryData<string, bool, int, ErrorCode> Faults { get; } = new()
    {
        // The flag comes first.
        { "/new", false, 99, BadArguments },
        { "/none/new", true, 99, BadArguments },
        { "/locked/new", true, 99, BadArguments },
        { "/there", true, 99, BadArguments },
        { "/ephemeral/new", true, 99, BadArguments },
        { "/new", true, -1, BadArguments },
        { "/none/new", true, 7, BadArguments },
        // A create that cannot carry a time to live may not ask for one.
        { "/none/new", true, 5, BadArguments },
        { "/none/new", false, 6, BadArguments },
        // NUL is looked for before the ACL, other bad characters much later.
        { "/n\0w", false, 0, BadArguments },
        { "/none/n\0w", true, 0, BadArguments },
        { "/locked/n\0w", true, 0, BadArguments },
        // The ACL
        { "/new", false, 0, InvalidAcl },
        { "/none/new", false, 0, InvalidAcl },
        { "/locked/new", false, 0, InvalidAcl },
        { "/bad/", false, 0, InvalidAcl },
        { "/n\u0001w", false, 0, InvalidAcl },
        { "/there", false, 0, InvalidAcl },
        { "/ephemeral/new", false, 0, InvalidAcl },
        // The parent
        { "/none/new", true, 0, NoNode },
        { "/none/x/", true, 0, NoNode },
        { "/none/n\u0001w", true, 0, NoNode },
        { "/none/..", true, 0, NoNode },
        { "/none", true, 0, ErrorCode.Ok },
        { "/locked/none/new", true, 0, NoNode },
        { "/ephemeral/none/new", true, 0, NoNode },
        // The parent's ACL
        { "/locked/new", true, 0, NoAuth },
        { "/locked/n\u0001w", true, 0, NoAuth },
        { "/locked/", true, 0, NoAuth },
        { "/locked/there", true, 0, NoAuth },
        { "/locked/new", true, 1, NoAuth },
        { "/locked/new", true, 2, NoAuth },
        // The path
        { "/there/", true, 0, BadArguments },
        { "/ephemeral/", true, 0, BadArguments },
        { "/ephemeral/n\u0001w", true, 0, BadArguments },
        // What is there already
        { "/there", true, 0, NodeExists },
        { "/there", true, 1, NodeExists },
        { "/ephemeral", true, 1, NodeExists },
        { "/locked", true, 0, NodeExists },
        // The parent's kind
        { "/ephemeral/new", true, 0, ErrorCode.NoChildrenForEphemerals },
        { "/ephemeral/new", true, 1, ErrorCode.NoChildrenForEphemerals },
        { "/ephemeral/", true, 2, ErrorCode.NoChildrenForEphemerals },
    };

    [Theory]
    [Row("B35", "B36")]
    [MemberData(nameof(Faults))]
    public async Task B35_B36_of_several_faults_the_first_in_order_is_told(string path, bool isAclValid, int flags, ErrorCode told)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/there");
        await zk.CreatedAsync(root + "/ephemeral", flags: 1);
        await zk.CreatedAsync(root + "/locked");
        await zk.CreatedAsync(root + "/locked/there");
        (await zk.SetAclAsync(root + "/locked", NobodyCreates)).Ok(Stat.Read);
        string[] names = await zk.NamesAsync(root);
        foreach (OpCode create in (OpCode[])[OpCode.Create, OpCode.Create2])
        {
            WireReply reply = await zk.CallAsync(create, Body.Create(root + path, acl: isAclValid ? null : [], flags: flags));
            Assert.Equal(told, reply.Error);
            if (told == ErrorCode.Ok) (await zk.DeleteAsync(root + path)).Ok();
            else Assert.Empty(reply.Body);
        }

        Assert.Equal(names, await zk.NamesAsync(root));
    }

    [Fact]
    [Row("B36")]
    public async Task B36_an_invalid_acl_is_told_before_a_missing_parent()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.CreateAsync(root + "/none/new", acl: [new(Permissions.All, "nonsense", "x")])).Is(InvalidAcl);
        (await zk.CreateAsync(root + "/none/new")).Is(NoNode);
    }

    [Fact]
    [Row("B35")]
    public async Task B35_a_bad_time_to_live_is_told_before_anything_else()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.CallAsync(OpCode.CreateTtl, Body.Create(root + "/none/new", acl: [], flags: 5, ttlMs: 0))).Is(BadArguments);
        (await zk.CallAsync(OpCode.CreateTtl, Body.Create(root + "/none/new", acl: [], flags: 99, ttlMs: 1000))).Is(BadArguments);
        (await zk.CallAsync(OpCode.CreateTtl, Body.Create(root + "/none/new", acl: [], flags: 0, ttlMs: 1000))).Is(BadArguments); // a time to live for a mode that has none
        (await zk.CallAsync(OpCode.CreateTtl, Body.Create(root + "/none/new", acl: [], flags: 5, ttlMs: 1000))).Is(InvalidAcl);
    }

    [Theory]
    [Row("B37")]
    [InlineData("", BadArguments)]
    [InlineData("abc", BadArguments)]
    [InlineData("abc/", NoNode)]
    [InlineData("abc/def", NoNode)]
    [InlineData("/", NodeExists)]
    [InlineData("//", BadArguments)]
    [InlineData("//t", BadArguments)]
    [InlineData("/.", BadArguments)]
    [InlineData("/..", BadArguments)]
    [InlineData("/./x", NoNode)]
    [InlineData("/../x", NoNode)]
    [InlineData("/zookeeper/", BadArguments)]
    [InlineData("/zookeeper//", NoNode)]
    [InlineData("/zookeeper", NodeExists)]
    [InlineData("/zookeeper/quota", NodeExists)]
    [InlineData("/zookeeper/config", NodeExists)]
    public async Task B37_a_path_that_is_not_one(string path, ErrorCode told)
    {
        WireClient zk = await OpenAsync();
        (await zk.CreateAsync(path)).Is(told);
    }

    [Theory]
    [Row("B37")]
    [InlineData("/")]
    [InlineData("/.")]
    [InlineData("/..")]
    [InlineData("/a\0b")]
    [InlineData("/\u0001")]
    [InlineData("/a\u001fb")]
    [InlineData("/\u007f")]
    [InlineData("/\u009f")]
    [InlineData("/\ue000")]
    [InlineData("/\uf8ff")]
    [InlineData("/\ufff0")]
    [InlineData("/\uffff")]
    [InlineData("/\U0001f600")]
    [InlineData("/\U00010000")]
    public async Task B37_a_name_that_is_not_one(string name)
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.CreateAsync(root + name)).Is(BadArguments);
        (await zk.CreateAsync(root + name + "b", flags: name is "/" or "/." or "/.." ? 99 : 2)).Is(BadArguments);
        Assert.Empty(await zk.NamesAsync(root));
    }

    [Theory]
    [Row("B37")]
    [InlineData("...")]
    [InlineData(".hidden")]
    [InlineData("..a")]
    [InlineData("a.")]
    [InlineData(" ")]
    [InlineData("~")]
    [InlineData("\u00a0")]
    [InlineData("zn\u00f6d\u00e9")]
    [InlineData("\u65e5\u672c")]
    [InlineData("\ud7ff")]
    [InlineData("\uf900")]
    [InlineData("\uffef")]
    public async Task B37_a_name_that_is_odd_but_valid(string name)
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal($"{root}/{name}", await zk.CreatedAsync($"{root}/{name}", "x"u8.ToArray()));
        Assert.Equal([name], await zk.NamesAsync(root));
        Assert.Equal("x"u8.ToArray(), await zk.DataAsync($"{root}/{name}"));
        (await zk.DeleteAsync($"{root}/{name}")).Ok();
    }

    [Fact]
    [Row("B38")]
    public async Task B38_a_sequential_path_may_end_with_a_slash()
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal(root + "/0000000000", await zk.CreatedAsync(root + "/", flags: 2));
        Assert.Equal(root + "/0000000001", await zk.CreatedAsync(root + "/", flags: 3));
        Assert.Equal(root + "/.0000000002", await zk.CreatedAsync(root + "/.", flags: 2));
        Assert.Equal(root + "/..0000000003", await zk.CreatedAsync(root + "/..", flags: 2));
        (await zk.CreateAsync(root + "//", flags: 2)).Is(NoNode);
        (await zk.CreateAsync(root + "/", flags: 0)).Is(BadArguments);
    }

    [Fact]
    [Row("B39")]
    public async Task B39_a_sequential_name_counts_every_child_that_was_ever_created()
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal(root + "/a-0000000000", await zk.CreatedAsync(root + "/a-", flags: 2));
        Assert.Equal(root + "/b-0000000001", await zk.CreatedAsync(root + "/b-", flags: 3));
        await zk.CreatedAsync(root + "/plain");
        await zk.CreatedAsync(root + "/ephemeral", flags: 1);
        (await zk.CreateContainerAsync(root + "/container")).Ok(CreateReply.Read);
        Assert.Equal(root + "/t-0000000005", (await zk.CreateTtlAsync(root + "/t-", 100_000, flags: 6)).Ok(CreateReply.Read).Path);

        // Neither deletes nor what failed moves it.
        (await zk.DeleteAsync(root + "/plain")).Ok();
        (await zk.DeleteAsync(root + "/a-0000000000")).Ok();
        (await zk.CreateAsync(root + "/ephemeral")).Is(NodeExists);
        (await zk.CreateAsync(root + "/x-", flags: 2, acl: [])).Is(InvalidAcl);
        Assert.Equal(
            [ErrorCode.Ok, ErrorCode.Ok, NoNode],
            (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/m-", flags: 2)), (OpCode.Create, Body.Create(root + "/n")), (OpCode.Delete, Body.Number(root + "/none", -1)))).Codes());
        Assert.Equal(root + "/a-0000000006", await zk.CreatedAsync(root + "/a-", flags: 2));

        // Nor does what happens below or to the parent itself.
        await zk.CreatedAsync(root + "/a-0000000006/child");
        (await zk.SetAsync(root)).Ok(Stat.Read);
        Assert.Equal(root + "/a-0000000007", await zk.CreatedAsync(root + "/a-", flags: 2));
    }

    [Fact]
    [Row("B39")]
    public async Task B39_a_sequential_name_that_is_taken_is_refused_and_not_counted_on()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/a-0000000001");
        (await zk.CreateAsync(root + "/a-", flags: 2)).Is(NodeExists);
        (await zk.CreateAsync(root + "/a-", flags: 2)).Is(NodeExists);
        Assert.Equal(root + "/b-0000000001", await zk.CreatedAsync(root + "/b-", flags: 2));
        Assert.Equal(root + "/a-0000000002", await zk.CreatedAsync(root + "/a-", flags: 2));
    }

    [Fact]
    [Row("B40")]
    public async Task B40_cversion_is_told_as_twice_the_creates_less_the_children()
    {
        (WireClient zk, string root) = await StartAsync();
        int created = 0, children = 0;
        async Task IsSoAsync()
        {
            Stat stat = await zk.StatAsync(root);
            Assert.Equal(((2 * created) - children, children), (stat.ChildVersion, stat.ChildCount));
            Assert.Equal(stat, (await zk.Children2Async(root)).Ok(ChildrenReply.Read).Stat);
            Assert.Equal(stat, (await zk.GetAsync(root)).Ok(DataReply.Read).Stat);
        }

        await IsSoAsync();
        for (; created < 5; created++, children++)
        {
            await IsSoAsync();
            await zk.CreatedAsync($"{root}/{created}");
        }

        for (; children > 1; children--)
        {
            await IsSoAsync();
            (await zk.DeleteAsync($"{root}/{children - 1}")).Ok();
        }

        // The sequence goes by what is stored, not by what is told.
        Assert.Equal(root + "/s0000000005", await zk.CreatedAsync(root + "/s", flags: 2));
        (created, children) = (6, 2);
        await IsSoAsync();
    }
}
