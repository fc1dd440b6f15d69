using System.Diagnostics;
using System.Text.Json;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Security;

/// <summary>
/// SASL GSSAPI with a real server and a real key distribution centre. The library reads where its files are from the environment at the start of the process,
/// so the client runs in a process of its own: this very program, told to run the one test that is run by nobody else.
/// </summary>
public class KerberosTests
{
    private const string ConnectStringVariable = "OKAPI_KERBEROS_CONNECT";
    private const int NotAvailable = 3;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_ticket_opens_a_session_on_a_server_of_the_realm()
    {
        NeedApache.OrSkip();
        (int code, string made, string error) = await RunAsync("bash", [Script(), "start"], []);
        if (code == NotAvailable) Assert.Skip(error.Trim());
        Assert.True(code == 0, error);
        using JsonDocument realm = JsonDocument.Parse(made);
        string Of(string name) => realm.RootElement.GetProperty(name).GetString()!;
        try
        {
            await using ApacheZooKeeper server = await ApacheZooKeeper.StartAsync(
                "--cfg",
                "authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
                "--cfg",
                "sessionRequireClientSASLAuth=true",
                "--jvm",
                $"-Djava.security.krb5.conf={Of("krb5Conf")}",
                "--jvm",
                $"-Djava.security.auth.login.config={Of("jaas")}");
            string program = Path.ChangeExtension(typeof(KerberosTests).Assembly.Location, null);
            string[] arguments = ["--explicit", "only", "--filter-method", $"{typeof(KerberosTests).FullName}.{nameof(In_a_process_with_a_ticket)}", "--no-progress", "--no-ansi"];
            (code, string output, error) = await RunAsync(program, arguments, new()
            {
                ["KRB5_CONFIG"] = Of("krb5Conf"),
                ["KRB5CCNAME"] = "FILE:" + Of("clientCcache"),
                [ConnectStringVariable] = server.ConnectString,
            });
            Assert.True(code == 0, output + error);
            Assert.Matches(@"succeeded: 1\b", output);

            // Without a ticket there is a clear word, and nothing else happens.
            (code, output, error) = await RunAsync(program, arguments, new()
            {
                ["KRB5_CONFIG"] = Of("krb5Conf"),
                ["KRB5CCNAME"] = "FILE:" + Path.Combine(Of("dir"), "nobody.ccache"),
                [ConnectStringVariable] = server.ConnectString,
            });
            Assert.NotEqual(0, code);
            Assert.Contains("AuthFailedException", output, StringComparison.Ordinal);
        }
        finally
        {
            await RunAsync("bash", [Script(), "stop", Of("dir")], []);
        }
    }

    [Fact(Explicit = true)]
    public async Task In_a_process_with_a_ticket()
    {
        string? connectString = Environment.GetEnvironmentVariable(ConnectStringVariable);
        Assert.SkipWhen(connectString is null, "It is run by the other test here.");
        await using var proxy = new SocketProxy(ConnectString.Parse(connectString!).Servers[0].Port);
        var options = new ZooKeeperOptions
        {
            BackoffMinimum = TimeSpan.FromMilliseconds(1),
            BackoffMaximum = TimeSpan.FromMilliseconds(1),
            Sasl = new() { Mechanism = SaslMechanism.Gssapi, ServerHost = "localhost" },
        };
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.ConnectString, options, Cancel);
        Assert.Contains(await zk.WhoAmIAsync(Cancel), who => who is { Scheme: "sasl", User: "ann@OKAPI.TEST" });
        await zk.CreateAsync("/ann", "x"u8.ToArray(), acl: [new(Permissions.All, "sasl", "ann@OKAPI.TEST")], cancellationToken: Cancel);
        for (int cut = 0; cut < 3; cut++)
        {
            Task lost = AuthTests.WaitForAsync(zk, change => !change.IsConnected);
            await proxy.CutAsync();
            await lost;
            Assert.Equal("x"u8.ToArray(), (await zk.GetAsync("/ann", Cancel)).Data);
        }
    }

    private static string Script()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string script = Path.Combine(folder.FullName, "eng", "kerberos");
            if (File.Exists(script)) return script;
        }

        throw new InvalidOperationException($"There is no eng/kerberos in any folder above {AppContext.BaseDirectory}.");
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string program, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // What the test platform tells its own processes is not meant for this one.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("TESTINGPLATFORM_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(5)); // the process starts servers of its own, whether it needs them or not
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
