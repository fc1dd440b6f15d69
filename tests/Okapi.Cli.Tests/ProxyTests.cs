using System.Net;
using System.Net.Sockets;

namespace Okapi.Cli.Tests;

/// <summary>What <c>okapi proxy</c> does on command.</summary>
public class ProxyTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_client_reaches_the_server_through_it_and_it_quits_in_good_order()
    {
        await using OkapiProcess server = await OkapiProcess.ServeAsync();
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", server.Address, "--latency", "1ms", "--jitter", "1ms", "--slice", "7", "--bandwidth", "10MB/s", "--seed", "5");
        Assert.Equal($"okapi: listening on {proxy.Address}, passing on to {server.Address}", proxy.ReadyLine);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.Address);
        Assert.Equal("/a", await zk.CreateAsync("/a"));
        Assert.StartsWith($"to {server.Address}: 1 connections of 1, ", await proxy.TellAsync("status"));
        Assert.Equal(new Ended(0, "", ""), await proxy.QuitAsync());
    }

    [Fact]
    public async Task Its_commands_strike_and_heal()
    {
        using Peer peer = Peer.Listen();
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", peer.Address);
        (Socket client, Socket server) = await peer.ConnectAsync(proxy.EndPoint);

        Assert.Equal("ok", await proxy.TellAsync("stall replies"));
        await server.SendAsync(new byte[] { 1 });
        await client.SendAsync(new byte[] { 2 });
        Assert.Equal(2, await ByteAsync(server));
        Assert.Equal(0, client.Available);
        Assert.Equal("ok", await proxy.TellAsync("resume"));
        Assert.Equal(1, await ByteAsync(client));

        Assert.Equal("ok", await proxy.TellAsync("latency 1ms"));
        Assert.Equal("ok", await proxy.TellAsync("corrupt 1"));
        await server.SendAsync(new byte[] { 0 });
        Assert.Equal(1, int.PopCount(await ByteAsync(client)));
        Assert.Contains("corrupt (struck 1), latency (struck 1)", await proxy.TellAsync("status"));
        Assert.Equal("ok", await proxy.TellAsync("clear"));
        Assert.EndsWith("faults of commands: none", await proxy.TellAsync("status"));

        Assert.Equal("ok: 1 connections", await proxy.TellAsync("half-close requests"));
        Assert.Equal(-1, await ByteAsync(server));
        Assert.Equal("ok: 1 connections", await proxy.TellAsync("cut"));
        await Assert.ThrowsAsync<SocketException>(() => ByteAsync(client));

        Assert.Equal("ok", await proxy.TellAsync("down"));
        SocketException refused = await Assert.ThrowsAnyAsync<SocketException>(() => peer.ConnectAsync(proxy.EndPoint));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        Assert.Equal("ok", await proxy.TellAsync("up"));
        (client, server) = await peer.ConnectAsync(proxy.EndPoint);
        await client.SendAsync(new byte[] { 3 });
        Assert.Equal(3, await ByteAsync(server));
    }

    [Theory]
    [InlineData("--cut-after", false)]
    [InlineData("--reset-after", true)]
    public async Task It_cuts_every_connection_after_so_many_bytes(string option, bool isReset)
    {
        using Peer peer = Peer.Listen();
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", peer.Address, option, "2", "--direction", "requests");
        for (int i = 0; i < 2; i++)
        {
            (Socket client, Socket server) = await peer.ConnectAsync(proxy.EndPoint);
            await client.SendAsync(new byte[] { 1, 2, 3 });
            Assert.Equal(1, await ByteAsync(server));
            Assert.Equal(2, await ByteAsync(server));
            if (isReset) await Assert.ThrowsAsync<SocketException>(() => ByteAsync(server));
            else Assert.Equal(-1, await ByteAsync(server));
        }
    }

    [Fact]
    public async Task Faults_that_last_for_a_while_end()
    {
        using Peer peer = Peer.Listen();
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", peer.Address, "--stall-after", "0", "--every", "200ms", "--for", "100ms");
        (Socket client, Socket server) = await peer.ConnectAsync(proxy.EndPoint);
        for (byte i = 0; i < 3; i++)
        {
            await client.SendAsync(new[] { i });
            Assert.Equal(i, await ByteAsync(server));
        }
    }

    [Fact]
    public async Task Without_a_standard_input_it_goes_on_until_it_is_told_to_end()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are not of this system.");
        using Peer peer = Peer.Listen();
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", peer.Address);
        proxy.EndInput();
        (Socket client, Socket server) = await peer.ConnectAsync(proxy.EndPoint);
        await client.SendAsync(new byte[] { 1 });
        Assert.Equal(1, await ByteAsync(server));
        Assert.Equal(new Ended(0, "", ""), await proxy.TerminateAsync());
    }

    [Theory]
    [InlineData("dance", "\"dance\" is not a command; there are: cut, ")]
    [InlineData("latency", "\"latency\" is not a command")]
    [InlineData("latency 5", "latency: 5: a time is needed")]
    [InlineData("latency 2h30", "latency: 2h30: a time is needed")]
    [InlineData("bandwidth 0B/s", "bandwidth: 0B/s: bytes per second are needed")]
    [InlineData("slice 0", "slice: 0: a number of bytes is needed")]
    [InlineData("corrupt 2", "corrupt: 2: a share above 0 and up to 1")]
    [InlineData("half-close both ways", "\"half-close both ways\" is not a command")]
    [InlineData("stall sideways", "stall: sideways: one of requests, replies and both")]
    [InlineData("up", "ok: nothing was to end")]
    public async Task A_command_that_there_is_not_changes_nothing_and_says_what_there_is(string command, string answer)
    {
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", "127.0.0.1:1");
        Assert.StartsWith(answer, await proxy.TellAsync(command));
        Assert.EndsWith("faults of commands: none", await proxy.TellAsync("status"));
    }

    [Theory]
    [InlineData("--listen", "0.0.0.0:0", "not an address of the loopback")]
    [InlineData("--latency", "5", "a time is needed")]
    [InlineData("--latency", "25h", "at most a day")]
    [InlineData("--bandwidth", "100KB", "bytes per second are needed")]
    [InlineData("--slice", "0", "a whole number from 1")]
    [InlineData("--cut-after", "-1", "a number of bytes is needed")]
    [InlineData("--stall-after", "1XB", "a number of bytes is needed")]
    [InlineData("--corrupt", "0", "a share above 0 and up to 1")]
    [InlineData("--direction", "up", "one of requests, replies and both")]
    public async Task A_bad_value_ends_it_with_2_and_a_line_that_names_the_value_and_the_rule(string option, string value, string rule)
    {
        Ended ended = await OkapiProcess.RunAsync("proxy", "--to", "127.0.0.1:1", option, value);
        Assert.Equal((2, ""), (ended.ExitCode, ended.Output));
        Assert.Contains(ended.Errors.Split('\n'), line => line.StartsWith($"okapi: {option} {value}: ", StringComparison.Ordinal) && line.Contains(rule, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--jitter needs", "--to", "a:1", "--jitter", "5ms")]
    [InlineData("--every needs", "--to", "a:1", "--every", "5ms")]
    [InlineData("--every needs", "--to", "a:1", "--every", "5ms", "--for", "5ms")]
    [InlineData("'--to' is required")]
    [InlineData("--to zk1:1,zk2:1: ", "--to", "zk1:1,zk2:1")]
    public async Task Options_that_do_not_go_together_end_it_with_2(string says, params string[] arguments)
    {
        Ended ended = await OkapiProcess.RunAsync(["proxy", "--listen", "0", .. arguments]);
        Assert.Equal((2, ""), (ended.ExitCode, ended.Output));
        Assert.Contains(says, ended.Errors);
    }

    [Fact]
    public async Task An_address_that_is_taken_ends_it_with_1_and_one_line_that_names_it()
    {
        using Peer taken = Peer.Listen();
        Ended ended = await OkapiProcess.RunAsync("proxy", "--to", "127.0.0.1:1", "--listen", taken.Address);
        Assert.Equal(1, ended.ExitCode);
        Assert.StartsWith($"okapi: {taken.Address} cannot be listened on: ", ended.Errors);
    }

    /// <summary>The next byte; -1 at the end.</summary>
    private static async Task<int> ByteAsync(Socket socket)
    {
        byte[] one = new byte[1];
        return await socket.ReceiveAsync(one).WaitAsync(Limit) == 0 ? -1 : one[0];
    }

    /// <summary>A server that only the test speaks for.</summary>
    private sealed class Peer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<Socket> _sockets = [];

        public string Address => _listener.LocalEndpoint.ToString()!;

        public static Peer Listen()
        {
            var peer = new Peer();
            peer._listener.Start();
            return peer;
        }

        /// <summary>Opens a connection through a proxy.</summary>
        public async Task<(Socket Client, Socket Server)> ConnectAsync(IPEndPoint proxy)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Add(client);
            await client.ConnectAsync(proxy).WaitAsync(Limit);
            Socket server = await _listener.AcceptSocketAsync().WaitAsync(Limit);
            _sockets.Add(server);
            return (client, server);
        }

        public void Dispose()
        {
            foreach (Socket socket in _sockets) socket.Dispose();
            _listener.Dispose();
        }
    }
}
