using Okapi.Protocol;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Tests;

public class TreeTests
{
    [Fact]
    public void A_new_tree_has_the_znodes_of_every_server()
    {
        var tree = new Tree();
        Assert.Equal(["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"], tree.Nodes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(-1, tree.Find("/")!.ToStat().ChildVersion);
        Assert.Equal(-2, tree.Find("/zookeeper")!.ToStat().ChildVersion);
        Assert.Equal(-1, tree.Find(Tree.ConfigPath)!.Aversion);
    }

    [Fact]
    public void A_transaction_is_replayed_onto_a_tree_that_has_seen_it()
    {
        var tree = new Tree();
        TransactionHeader first = new(1, 1, 1, 1000, OpCode.Create), second = new(1, 2, 2, 1001, OpCode.Delete);
        var create = new CreateTransaction(OpCode.Create, "/a", [1], Acl.Open, false, 1, 0);
        tree.Apply(first, create, changes: null);
        tree.Replay(first, create);
        Assert.Equal(1, tree.Find("/")!.RawCversion);
        tree.Apply(second, new DeleteTransaction("/a"), changes: null);
        tree.Replay(second, new DeleteTransaction("/a"));
        Assert.Null(tree.Find("/a"));
        Assert.Equal(2, tree.LastZxid);
    }
}
