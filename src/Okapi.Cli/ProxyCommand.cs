using System.CommandLine;
using System.Net;
using Okapi.Server;
using static Okapi.Cli.OptionParsing;

namespace Okapi.Cli;

/// <summary><c>okapi proxy</c>: a proxy that fails on request, in a process of its own.</summary>
internal static class ProxyCommand
{
    public static Command Create()
    {
        var listen = new Option<IPEndPoint>("--listen")
        {
            Description = "Where to listen: address:port, or a port of 127.0.0.1; port 0 takes any that is free",
            HelpName = "address:port",
            DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 2182),
            CustomParser = EndPoint,
        };
        var allowNonLoopback = new Option<bool>("--allow-non-loopback") { Description = "Lets --listen be an address that the network can reach. Whoever reaches it reaches the server" };
        var to = new Option<string>("--to") { Description = "The server, as host:port", HelpName = "host:port", Required = true, CustomParser = Text };
        var direction = new Option<FaultDirection?>("--direction") { Description = "Which way the faults below strike: requests, replies or both [default: both]", HelpName = "way", CustomParser = Direction };
        var latency = new Option<TimeSpan>("--latency") { Description = "How much longer bytes take, each way", HelpName = "time", CustomParser = Duration };
        var jitter = new Option<TimeSpan>("--jitter") { Description = "By how much more or less, at random; needs --latency", HelpName = "time", CustomParser = Duration };
        var bandwidth = new Option<long>("--bandwidth") { Description = "How much goes through a connection, each way: as 100KB/s", HelpName = "bytes/s", CustomParser = Bandwidth };
        var slice = new Option<int>("--slice") { Description = "Sends pieces of so many bytes at most", HelpName = "bytes", CustomParser = Number(1, int.MaxValue) };
        var cutAfter = new Option<long?>("--cut-after") { Description = "Closes each connection when so many bytes have gone one way", HelpName = "bytes", CustomParser = OptionalSize };
        var resetAfter = new Option<long?>("--reset-after") { Description = "Resets each connection when so many bytes have gone one way", HelpName = "bytes", CustomParser = OptionalSize };
        var stallAfter = new Option<long?>("--stall-after") { Description = "Lets no more through when so many bytes have gone one way", HelpName = "bytes", CustomParser = OptionalSize };
        var corrupt = new Option<double>("--corrupt") { Description = "Flips a bit in this share of the bytes: as 1e-6", HelpName = "share", CustomParser = Share };
        var seed = new Option<int>("--seed") { Description = "What all chance follows from", HelpName = "number", CustomParser = Number(int.MinValue, int.MaxValue) };
        var every = new Option<TimeSpan>("--every") { Description = "Begins the faults again and again, so much time apart; needs --for", HelpName = "time", CustomParser = Duration };
        var length = new Option<TimeSpan>("--for") { Description = "How long the faults last each time; without --every they come once", HelpName = "time", CustomParser = Duration };

        var command = new Command("proxy", "Passes bytes on between clients and a server until it is interrupted, and fails on request. While it runs it takes commands from the standard input, a line each: " + ProxyConsole.Usage)
        {
            listen, allowNonLoopback, to, direction, latency, jitter, bandwidth, slice, cutAfter, resetAfter, stallAfter, corrupt, seed, every, length,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(jitter) is not null && result.GetResult(latency) is null) result.AddError("--jitter needs --latency");
            if (result.GetResult(every) is not null && (result.GetResult(length) is null || result.GetValue(length) >= result.GetValue(every))) result.AddError("--every needs --for, with a time that is shorter");
        });
        command.SetAction(async parsed =>
        {
            IPEndPoint at = parsed.GetRequiredValue(listen);
            if (!IPAddress.IsLoopback(at.Address) && !parsed.GetValue(allowNonLoopback))
            {
                await Console.Error.WriteLineAsync($"okapi: --listen {at}: this is not an address of the loopback; with --allow-non-loopback the network can reach the proxy").ConfigureAwait(false);
                return ExitCode.BadUsage;
            }

            FaultDirection way = parsed.GetValue(direction) ?? FaultDirection.Both;
            var faults = new List<Func<ProxyFaults, Fault>>();
            if (parsed.GetResult(latency) is not null) faults.Add(each => each.Delay(parsed.GetValue(latency), way, parsed.GetValue(jitter)));
            if (parsed.GetResult(bandwidth) is not null) faults.Add(each => each.LimitBandwidth(parsed.GetValue(bandwidth), way));
            if (parsed.GetResult(slice) is not null) faults.Add(each => each.Split(parsed.GetValue(slice), way));
            if (parsed.GetValue(cutAfter) is { } closed) faults.Add(each => each.CutAfter(closed, way, CutKind.Close, int.MaxValue));
            if (parsed.GetValue(resetAfter) is { } reset) faults.Add(each => each.CutAfter(reset, way, CutKind.Reset, int.MaxValue));
            if (parsed.GetValue(stallAfter) is { } stalled) faults.Add(each => each.StallAfter(stalled, way));
            if (parsed.GetResult(corrupt) is not null) faults.Add(each => each.Corrupt(parsed.GetValue(corrupt), way));
            var options = new FaultProxyOptions { Listen = at, AllowNonLoopback = parsed.GetValue(allowNonLoopback), Seed = parsed.GetValue(seed) };
            var schedule = new FaultSchedule(faults, parsed.GetResult(every) is null ? null : parsed.GetValue(every), parsed.GetResult(length) is null ? null : parsed.GetValue(length), TimeProvider.System);
            return await Proxying.RunAsync(parsed.GetRequiredValue(to), options, schedule, Console.In, Console.Out, Console.Error).ConfigureAwait(false);
        });
        return command;
    }
}
