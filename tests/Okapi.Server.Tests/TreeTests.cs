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

    [Fact]
    public void Subtrees_are_counted_however_deep_they_are()
    {
        const int Depth = 3000;
        var tree = new Tree();
        string path = string.Empty;
        for (int i = 1; i <= Depth; i++)
        {
            path += "/a";
            tree.Apply(new(1, i, i, 0, OpCode.Create), new CreateTransaction(OpCode.Create, path, [1], Acl.Open, false, 1, 0), null);
        }

        // On a thread whose stack is small: what overflows a large one takes a gigabyte to build.
        int counted = 0;
        var thread = new Thread(
            () =>
            {
                counted = tree.CountDescendants("/a");
                string quota = Tree.QuotaRoot;
                long zxid = Depth;
                foreach (string name in (string[])["a", "zookeeper_limits", "zookeeper_stats"])
                {
                    quota = name == "zookeeper_stats" ? Tree.QuotaRoot + "/a/" + name : quota + "/" + name;
                    tree.Apply(new(1, 0, ++zxid, 0, OpCode.Create), new CreateTransaction(OpCode.Create, quota, "count=-1,bytes=-1"u8.ToArray(), Acl.Open, false, 1, 0), null);
                }
            },
            maxStackSize: 128 * 1024);
        thread.Start();
        thread.Join();
        Assert.Equal(Depth - 1, counted);
        Assert.Equal($"count={Depth},bytes={Depth}", System.Text.Encoding.UTF8.GetString(tree.Find(Tree.QuotaRoot + "/a/zookeeper_stats")!.Data!));
    }
}
