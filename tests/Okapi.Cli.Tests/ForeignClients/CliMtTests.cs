namespace Okapi.Cli.Tests;

/// <summary>The C client.</summary>
public class CliMtTests
{
    [Theory]
    [InlineData(ServerKind.Okapi)]
    [InlineData(ServerKind.Apache)]
    public async Task Every_command_of_cli_mt_works(ServerKind kind)
    {
        await using Target server = await Target.StartAsync(kind);
        await using Dialogue cli = ForeignClient.CliMt(server.Address);
        await cli.ExpectAsync("SESSION_EVENT state = CONNECTED_STATE", "Got a new session id");
        await cli.SayAsync("create /a", @"^\[/a\]: rc = 0$", "^\tname = /a$");
        await cli.SayAsync("create /a", @"^\[/a\]: rc = -110$");
        await cli.SayAsync("create +e /a/e", "^\tname = /a/e$");
        await cli.SayAsync("create +s /a/s-", "^\tname = /a/s-0000000001$");
        await cli.SayAsync("create +es /a/es-", "^\tname = /a/es-0000000002$");
        await cli.SayAsync("create +c /a/c", "^\tname = /a/c$");
        if (kind == ServerKind.Okapi) await cli.SayAsync("create +t=100000 /a/t", "^\tname = /a/t$");
        await cli.SayAsync("create2 /a/two", @"^\[/a/two\]: rc = 0$", "^\tname = /a/two$", "\tversion=0\taversion=0$");
        await cli.SayAsync("get /a", "^/a: rc = 0$", "^new$", "\tversion=0\taversion=0$");
        await cli.SayAsync("set /a hello", "^Watcher CHANGED_EVENT state = CONNECTED_STATE for path /a$", "\tversion=1\taversion=0$");
        await cli.SayAsync("aget /a", "^hello$", "\tversion=1\taversion=0$");
        await cli.SayAsync("wexists /a/later", "^Error -101 for /a/later$");
        await cli.SayAsync("create /a/later", "^Watcher CREATED_EVENT state = CONNECTED_STATE for path /a/later$", "^\tname = /a/later$");
        await cli.SayAsync("ls /a", "^/a: rc = 0$", "^\te$", "^\ts-0000000001$", "^\tes-0000000002$", "^\tc$", "^\ttwo$", "^\tlater$", "^time = ");
        await cli.SayAsync("ls2 /a", "^/a: rc = 0$", "^\tlater$", "\tversion=1\taversion=0$");
        await cli.SayAsync("exists /a/none", "^Error -101 for /a/none$");
        await cli.SayAsync("get /a/e", "\tephemeralOwner = [1-9a-f]");
        await cli.SayAsync("sync /a", @"^\[/a\]: rc = 0$");
        await cli.SayAsync("delete /a", "^Error -111 for /a$|/a: rc = -111$");
        await cli.SayAsync("delete /none", "^Error -101 for /none$|/none: rc = -101$");
        await cli.SayAsync("delete /a/later");
        await cli.SayAsync("addauth digest ann:secret");
        await cli.SayAsync("exists /a/later", "^Error -101 for /a/later$");
        await cli.SayAsync("config");
        await cli.SayAsync("reconfig -remove 1", "rc = -123|Error -123|-123");
        await cli.SayAsync("quit", "Quitting");
        Assert.Equal(0, await cli.EndAsync());
    }

    [Fact]
    public async Task A_session_goes_on_when_the_server_was_killed_and_is_started_on_its_data()
    {
        using var folder = new TemporaryFolder();
        await using OkapiProcess first = await OkapiProcess.ServeAsync("--data", folder.Below("data"));
        await using Dialogue cli = ForeignClient.CliMt(first.Address);
        await cli.ExpectAsync("SESSION_EVENT state = CONNECTED_STATE", "Got a new session id");
        await cli.SayAsync("create +e /mine", "^\tname = /mine$");
        await first.KillAsync();
        await cli.ExpectAsync("SESSION_EVENT state = CONNECTING_STATE");
        await using OkapiProcess second = await OkapiProcess.ServeAsync("--data", folder.Below("data"), "--listen", first.Address);
        await cli.ExpectAsync("SESSION_EVENT state = CONNECTED_STATE");
        await cli.SayAsync("get /mine", "\tephemeralOwner = [1-9a-f]");
        await cli.SayAsync("quit", "Quitting");
    }
}
