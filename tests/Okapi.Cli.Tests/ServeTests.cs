using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Okapi.TestSupport;

namespace Okapi.Cli.Tests;

/// <summary>What <c>okapi serve</c> prints, and what it ends with.</summary>
public partial class ServeTests
{
    private static bool HasSignals => !OperatingSystem.IsWindows();

    [Fact]
    public async Task It_says_in_one_line_where_it_serves_and_then_clients_can_connect()
    {
        await using OkapiProcess server = await OkapiProcess.ServeAsync();
        Assert.Matches(ReadyPattern(), server.ReadyLine);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.Address);
        Assert.Equal("/a", await zk.CreateAsync("/a"));
    }

    [Fact]
    public async Task A_signal_to_terminate_ends_it_in_good_order()
    {
        Assert.SkipUnless(HasSignals, "Signals are not of this system.");
        await using OkapiProcess server = await OkapiProcess.ServeAsync();
        await using WireClient client = await WireClient.OpenAsync(server.EndPoint);
        Assert.Equal(new Ended(0, "", ""), await server.TerminateAsync());
        Assert.Null(await client.ReadAsync());
    }

    [Fact]
    public async Task An_interrupt_ends_it_in_good_order()
    {
        Assert.SkipUnless(HasSignals, "Signals are not of this system.");
        await using OkapiProcess server = await OkapiProcess.ServeAsync();
        Assert.Equal(new Ended(0, "", ""), await server.InterruptAsync());
    }

    [Fact]
    public async Task An_address_that_is_taken_ends_it_with_1_and_one_line_that_names_it()
    {
        await using OkapiProcess first = await OkapiProcess.ServeAsync();
        Ended second = await OkapiProcess.RunAsync("serve", "--listen", first.Address);
        Assert.Equal(1, second.ExitCode);
        Assert.Equal("", second.Output);
        Assert.StartsWith($"okapi: {first.Address} cannot be listened on: ", Assert.Single(Lines(second.Errors)));
    }

    [Fact]
    public async Task A_port_that_was_just_left_is_free_at_once()
    {
        string address;
        await using (OkapiProcess first = await OkapiProcess.ServeAsync())
        {
            address = first.Address;
            await using WireClient client = await WireClient.ConnectAsync(first.EndPoint);
            await client.SendBytesAsync(new byte[] { 0x7f, 0xff, 0xff, 0xff });
            await client.ExpectCloseAsync(); // the server closes first: the port's TIME_WAIT is its own
        }

        await using OkapiProcess second = await OkapiProcess.ServeAsync("--listen", address);
        Assert.Equal(address, second.Address);
    }

    [Theory]
    [InlineData("--listen", "127.0.0.1:65536", "a port from 0 to 65535")]
    [InlineData("--listen", "2181x", "a port from 0 to 65535")]
    [InlineData("--listen", "zk1:2181", "an address in numbers")]
    [InlineData("--listen", "0.0.0.0:0", "not an address of the loopback")]
    [InlineData("--tick-ms", "0", "a whole number from 1 to 60000")]
    [InlineData("--tick-ms", "fast", "a whole number from 1 to 60000")]
    [InlineData("--max-client-connections", "-1", "a whole number from 0")]
    [InlineData("--snapshot-count", "1", "a whole number from 2")]
    [InlineData("--version", "4.0", "one of 3.4, 3.5, 3.8 and 3.9")]
    [InlineData("--four-letter-words", "srvr,status", "words of four letters")]
    [InlineData("--data", " ", "it is empty")]
    [InlineData("--super-password-file", "no-such-file", "cannot be read")]
    public async Task A_bad_value_ends_it_with_2_and_a_line_that_names_the_value_and_the_rule(string option, string value, string rule)
    {
        Ended ended = await OkapiProcess.RunAsync("serve", option, value);
        Assert.Equal(2, ended.ExitCode);
        Assert.Equal("", ended.Output);
        Assert.Contains(Lines(ended.Errors), line => line.StartsWith($"okapi: {option} {value}: ", StringComparison.Ordinal) && line.Contains(rule, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData]
    [InlineData("serv")]
    [InlineData("serve", "--lisen", "2181")]
    [InlineData("serve", "--listen")]
    [InlineData("serve", "2181")]
    public async Task A_command_that_there_is_not_ends_it_with_2(params string[] arguments)
    {
        Ended ended = await OkapiProcess.RunAsync(arguments);
        Assert.Equal(2, ended.ExitCode);
        Assert.All(Lines(ended.Errors), line => Assert.StartsWith("okapi: ", line));
    }

    [Fact]
    public async Task A_secret_in_a_broken_file_is_not_shown()
    {
        using var folder = new TemporaryFolder();
        Ended ended = await OkapiProcess.RunAsync("serve", "--sasl-users-file", folder.File("users", "ann:secret\nhush\n"));
        Assert.Equal(2, ended.ExitCode);
        Assert.Contains("line 2 of this file is not user:password", ended.Errors);
        Assert.DoesNotContain("hush", ended.Errors);
    }

    [Fact]
    public async Task A_warning_is_a_line_on_the_standard_error()
    {
        Assert.SkipUnless(HasSignals, "Signals are not of this system.");
        await using OkapiProcess server = await OkapiProcess.ServeAsync();
        await using WireClient client = await WireClient.ConnectAsync(server.EndPoint);
        await client.SendBytesAsync(new byte[] { 0x7f, 0xff, 0xff, 0xff });
        await client.ExpectCloseAsync();
        Ended ended = await server.TerminateAsync();
        Assert.Equal(0, ended.ExitCode);
        Assert.StartsWith("okapi: warning: A connection from 127.0.0.1:", Assert.Single(Lines(ended.Errors)));
    }

    [Fact]
    public async Task What_is_in_the_data_folder_is_there_at_the_next_start_and_the_session_goes_on()
    {
        using var folder = new TemporaryFolder();
        string data = folder.Below("data");
        await using OkapiProcess first = await OkapiProcess.ServeAsync("--data", data);
        Assert.EndsWith($", data in {data}", first.ReadyLine);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(first.Address, new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(40) });
        await zk.CreateAsync("/kept", "here"u8.ToArray());
        await zk.CreateAsync("/mine", mode: CreateMode.Ephemeral);
        long session = zk.SessionId;
        await first.KillAsync();

        await using OkapiProcess second = await OkapiProcess.ServeAsync("--data", data, "--listen", first.Address);
        Assert.Equal("here"u8.ToArray(), (await zk.GetAsync("/kept")).Data);
        Assert.Equal(session, zk.SessionId);
        Assert.Equal(session, (await zk.ExistsAsync("/mine"))?.EphemeralOwner);
    }

    [Fact]
    public async Task A_data_folder_in_use_ends_it_with_1_and_one_line_that_names_it()
    {
        using var folder = new TemporaryFolder();
        string data = folder.Below("data");
        await using OkapiProcess first = await OkapiProcess.ServeAsync("--data", data);
        Ended second = await OkapiProcess.RunAsync("serve", "--listen", "0", "--data", data);
        Assert.Equal(1, second.ExitCode);
        string line = Assert.Single(Lines(second.Errors));
        Assert.Contains(data, line);
        Assert.Contains("in use", line);
    }

    [Fact]
    public async Task A_damaged_data_folder_ends_it_with_1_and_one_line_that_names_the_file()
    {
        using var folder = new TemporaryFolder();
        string data = folder.Below("data");
        await using (OkapiProcess first = await OkapiProcess.ServeAsync("--data", data))
        {
            await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(first.Address);
            for (int i = 0; i < 10; i++) await zk.CreateAsync($"/n{i}", new byte[100]);
        }

        string log = Directory.EnumerateFiles(data, "log.*", SearchOption.AllDirectories).Single();
        byte[] bytes = await File.ReadAllBytesAsync(log);
        bytes[200] ^= 1; // amid what was acknowledged
        await File.WriteAllBytesAsync(log, bytes);
        Ended ended = await OkapiProcess.RunAsync("serve", "--listen", "0", "--data", data);
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(Path.GetFileName(log), Assert.Single(Lines(ended.Errors)));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_ends_it_with_1_and_one_line_that_names_it()
    {
        using var folder = new TemporaryFolder();
        string data = Path.Combine(folder.File("file", "in the way"), "data");
        Ended ended = await OkapiProcess.RunAsync("serve", "--listen", "0", "--data", data);
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(folder.Below("file"), Assert.Single(Lines(ended.Errors)));
    }

    [Fact]
    public async Task Options_reach_the_server()
    {
        using var folder = new TemporaryFolder();
        await using OkapiProcess server = await OkapiProcess.ServeAsync(
            "--tick-ms", "500", "--max-client-connections", "2", "--super-password-file", folder.File("super", "hush\n"));
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.Address, new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(30) });
        Assert.Equal(TimeSpan.FromSeconds(10), zk.SessionTimeout); // twenty ticks at most
        await zk.CreateAsync("/closed", acl: [Acl.Digest(Permissions.All, "nobody", "x")]);
        await Assert.ThrowsAsync<NoAuthException>(async () => await zk.GetAsync("/closed"));
        await zk.AddAuthAsync(AuthInfo.Digest("super", "hush"));
        Assert.Empty((await zk.GetAsync("/closed")).Data);

        await using WireClient second = await WireClient.OpenAsync(server.EndPoint);
        try
        {
            await using WireClient third = await WireClient.ConnectAsync(server.EndPoint);
            await third.ExpectCloseAsync();
        }
        catch (SocketException)
        {
            // It was turned away before it knew that it was connected.
        }
    }

    [Fact]
    public async Task Port_0_on_the_loopback_of_IPv6_is_served_too()
    {
        Assert.SkipUnless(HasIPv6Loopback(), "There is no IPv6 here.");
        await using OkapiProcess server = await OkapiProcess.ServeAsync("--listen", "[::1]:0");
        using var tcp = new TcpClient(AddressFamily.InterNetworkV6);
        await tcp.ConnectAsync(server.EndPoint);
        await using var client = new WireClient(tcp.GetStream());
        Assert.NotEqual(0, (await client.HandshakeAsync()).SessionId);
    }

    private static bool HasIPv6Loopback()
    {
        if (!Socket.OSSupportsIPv6) return false;
        using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string[] Lines(string text) => text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"^okapi: serving ZooKeeper's protocol on 127\.0\.0\.1:[0-9]+$")]
    private static partial Regex ReadyPattern();
}
