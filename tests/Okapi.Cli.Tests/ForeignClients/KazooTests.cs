namespace Okapi.Cli.Tests;

/// <summary>Python's kazoo and its recipes. The scripts are in kazoo_scripts.py, one function each.</summary>
public class KazooTests
{
    [Theory]
    [InlineData("znodes", ServerKind.Okapi)]
    [InlineData("acls", ServerKind.Okapi)]
    [InlineData("watches", ServerKind.Okapi)]
    [InlineData("data_and_children_watch", ServerKind.Okapi)]
    [InlineData("transactions", ServerKind.Okapi)]
    [InlineData("locks", ServerKind.Okapi)]
    [InlineData("counters_queues_and_election", ServerKind.Okapi)]
    [InlineData("tree_cache", ServerKind.Okapi)]
    [InlineData("words", ServerKind.Okapi)]
    [InlineData("znodes", ServerKind.Apache)]
    [InlineData("acls", ServerKind.Apache)]
    [InlineData("watches", ServerKind.Apache)]
    [InlineData("transactions", ServerKind.Apache)]
    [InlineData("words", ServerKind.Apache)]
    public async Task Kazoo_works(string script, ServerKind kind)
    {
        await using Target server = await Target.StartAsync(kind);
        await ForeignClient.KazooAsync(script, server.Address);
    }

    [Theory]
    [InlineData(ServerKind.Okapi)]
    [InlineData(ServerKind.Apache)]
    public async Task Kazoo_logs_in_with_SASL(ServerKind kind)
    {
        using var folder = new TemporaryFolder();
        await using Target server = kind == ServerKind.Okapi
            ? await Target.StartAsync(kind, "--sasl-users-file", folder.File("users", "ann:secret\n"))
            : await Target.StartAsync(kind, "--sasl", "ann:secret");
        await ForeignClient.KazooAsync("sasl", server.Address);
    }
}
