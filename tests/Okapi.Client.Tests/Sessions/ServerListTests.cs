using Okapi.Connections;

namespace Okapi.Client.Tests.Sessions;

/// <summary>How clients spread over servers when the list changes (ZOOKEEPER-1355), with ten thousand of them.</summary>
public class ServerListTests
{
    private const int Clients = 10_000;

    [Fact]
    public void H18_From_three_servers_to_five_forty_percent_of_the_clients_move_and_all_of_them_to_the_new_ones()
    {
        (int moved, Dictionary<string, int> load) = Change("a,b,c", "a,b,c,d,e");
        Assert.InRange(moved, Clients * 38 / 100, Clients * 42 / 100);
        AssertEven(load, 5);
    }

    [Theory]
    [InlineData("a,b,c,d,e", "a,b,c")] // shrunk
    [InlineData("a,b,c", "a,b,d")] // one replaced
    [InlineData("a,b,c", "d,e,f")] // all replaced
    [InlineData("a,b,c", "b,c,d,e,f")] // grown, one gone
    [InlineData("a,b,c,d,e", "a,b,f,g")] // shrunk, some replaced
    public void H18_All_clients_of_a_removed_server_move_and_the_load_is_even_afterwards(string before, string after)
    {
        (_, Dictionary<string, int> load) = Change(before, after);
        AssertEven(load, after.Split(',').Length);
    }

    [Fact]
    public void H18_The_same_list_in_another_order_moves_nobody()
    {
        (int moved, _) = Change("a,b,c", "c,b,a");
        Assert.Equal(0, moved);
    }

    [Fact]
    public async Task H18_A_new_list_keeps_the_chroot_and_cannot_change_it()
    {
        var peer = new TestSupport.ScriptedPeer { OnConnecting = (_, token) => new(Task.Delay(Timeout.Infinite, token)) };
        ZooKeeperOptions options = peer.Options();
        options.ConnectString = "a,b/app";
        ZooKeeperClient zk = ZooKeeperClient.Start(options);
        zk.UpdateServers("c,d");
        Assert.Equal("/app", zk.Chroot);
        zk.UpdateServers("c,d/app");
        Assert.Throws<ArgumentException>(() => zk.UpdateServers("c,d/other"));
        await zk.DisposeAsync().AsTask().WaitAsync(TestSupport.ScriptedPeer.Patience);
    }

    [Fact]
    public void H17_Every_server_is_tried_once_before_any_is_tried_again()
    {
        ServerEndpoint[] servers = Parse("a,b,c,d");
        var list = new ServerList(servers, shuffle: true, new Random(5));
        for (int round = 0; round < 5; round++)
        {
            var tried = new HashSet<ServerEndpoint>();
            for (int i = 0; i < servers.Length; i++)
            {
                Assert.Equal(i == 0, list.IsRoundOver);
                tried.Add(list.Next());
            }

            Assert.Equal(servers.Length, tried.Count);
        }
    }

    private static (int Moved, Dictionary<string, int> Load) Change(string before, string after)
    {
        int moved = 0;
        var load = new Dictionary<string, int>();
        ServerEndpoint[] first = Parse(before), second = Parse(after);
        for (int client = 0; client < Clients; client++)
        {
            var list = new ServerList(first, shuffle: true, new Random(client));
            ServerEndpoint current = list.Next();
            bool moves = list.Update(second, current);
            ServerEndpoint then = moves ? list.Next() : current;
            Assert.Contains(then, second); // whoever sat on a removed server has left it
            if (moves)
            {
                moved++;
                Assert.NotEqual(current, then);
            }

            load[then.Host] = load.GetValueOrDefault(then.Host) + 1;
        }

        return (moved, load);
    }

    private static void AssertEven(Dictionary<string, int> load, int servers)
    {
        Assert.Equal(servers, load.Count);
        // Five standard deviations around the fair share.
        double fair = (double)Clients / servers;
        double most = 5 * Math.Sqrt(fair * (1 - (1.0 / servers)));
        Assert.All(load.Values, clients => Assert.InRange(clients, fair - most, fair + most));
    }

    private static ServerEndpoint[] Parse(string list) => [.. ConnectString.Parse(list).Servers];
}
