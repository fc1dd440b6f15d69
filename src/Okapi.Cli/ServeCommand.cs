using System.CommandLine;
using System.Net;
using Okapi.Server;
using static Okapi.Cli.OptionParsing;

namespace Okapi.Cli;

/// <summary><c>okapi serve</c>: the embedded server in a process of its own.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var listen = new Option<IPEndPoint>("--listen")
        {
            Description = "Where to listen: address:port, or a port of 127.0.0.1; port 0 takes any that is free",
            HelpName = "address:port",
            DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 2181),
            CustomParser = EndPoint,
        };
        var allowNonLoopback = new Option<bool>("--allow-non-loopback") { Description = "Lets --listen be an address that the network can reach. There is no TLS and nothing keeps anybody out" };
        var data = new Option<string?>("--data") { Description = "The folder that keeps the data, in the format of Apache ZooKeeper's dataDir; without it they end with the process", HelpName = "folder", CustomParser = Text };
        var snapshotCount = new Option<int>("--snapshot-count") { Description = "After how many transactions a snapshot is written", HelpName = "number", DefaultValueFactory = _ => 100_000, CustomParser = Number(2, int.MaxValue) };
        var version = new Option<ServerVersion?>("--version") { Description = "The version of Apache ZooKeeper whose ways it has: 3.4, 3.5, 3.8 or 3.9 [default: 3.9]", HelpName = "version", CustomParser = Version };
        var tick = new Option<int>("--tick-ms") { Description = "The unit of session timeouts, which are granted from 2 to 20 of it", HelpName = "ms", DefaultValueFactory = _ => 2000, CustomParser = Number(1, 60_000) };
        var maxConnections = new Option<int>("--max-client-connections") { Description = "How many connections one address may have; 0: any number", HelpName = "number", DefaultValueFactory = _ => 60, CustomParser = Number(0, int.MaxValue) };
        var words = new Option<string[]>("--four-letter-words") { Description = "Which of them are answered, with commas between them; *: all", HelpName = "words", DefaultValueFactory = _ => ["srvr"], CustomParser = Words };
        var super = new Option<string?>("--super-password-file") { Description = "A file whose first line is the password of the digest user super, to whom no ACL applies", HelpName = "file", CustomParser = FirstLine };
        var users = new Option<Dictionary<string, string>>("--sasl-users-file") { Description = "A file with a line user:password for each user who may log in with SASL DIGEST-MD5", HelpName = "file", DefaultValueFactory = _ => [], CustomParser = Users };

        var command = new Command("serve", "Serves ZooKeeper's protocol until it is interrupted, for development and tests")
        {
            listen, allowNonLoopback, data, snapshotCount, version, tick, maxConnections, words, super, users,
        };
        command.SetAction(async parsed =>
        {
            IPEndPoint at = parsed.GetRequiredValue(listen);
            if (!IPAddress.IsLoopback(at.Address) && !parsed.GetValue(allowNonLoopback))
            {
                await Console.Error.WriteLineAsync($"okapi: --listen {at}: this is not an address of the loopback; with --allow-non-loopback the network can reach the server").ConfigureAwait(false);
                return ExitCode.BadUsage;
            }

            var options = new EmbeddedServerOptions
            {
                Listen = at,
                AllowNonLoopback = parsed.GetValue(allowNonLoopback),
                DataFolder = parsed.GetValue(data),
                SnapshotCount = parsed.GetValue(snapshotCount),
                Version = parsed.GetValue(version) ?? ServerVersion.V39,
                TickTime = TimeSpan.FromMilliseconds(parsed.GetValue(tick)),
                MaxClientConnections = parsed.GetValue(maxConnections),
                SuperPassword = parsed.GetValue(super),
            };
            options.FourLetterWords.Clear();
            foreach (string word in parsed.GetRequiredValue(words)) options.FourLetterWords.Add(word);
            foreach ((string user, string password) in parsed.GetRequiredValue(users)) options.SaslUsers.Add(user, password);
            return await Serving.RunAsync(options, Console.Out, Console.Error).ConfigureAwait(false);
        });
        return command;
    }
}
