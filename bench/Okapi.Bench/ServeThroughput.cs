using System.Text.Json.Nodes;
using Okapi.TestSupport;

namespace Okapi.Bench;

/// <summary>
/// <c>okapi serve</c> and Apache ZooKeeper, each a process of its own on this machine, driven by the same client over one connection. They take turns, so that what else the machine does hits both.
/// </summary>
internal static class ServeThroughput
{
    // The script's own settings are for a quick start; these are what a JVM does by itself.
    private static readonly string[] Jvm = ["--jvm", "-XX:TieredStopAtLevel=4", "--jvm", "-XX:-UseSerialGC", "--jvm", "-XX:+UseG1GC", "--heap", "2g"];

    public static async IAsyncEnumerable<string> RunAsync(int payload, int window, int operations, int rounds, bool durable, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DirectoryInfo? folder = durable ? Directory.CreateTempSubdirectory("okapi-bench-") : null;
        try
        {
            string[] data = folder is null ? [] : ["--data", folder.FullName];
            string[] sync = durable ? ["--cfg", "forceSync=yes"] : [];
            await using ServeProcess okapi = await ServeProcess.StartAsync(data);
            await using ApacheZooKeeper apache = await ApacheZooKeeper.StartAsync([.. Jvm, .. sync]);
            foreach (DriveOperation operation in new[] { DriveOperation.Get, DriveOperation.Set, DriveOperation.Create })
            {
                var ours = new List<double>();
                var theirs = new List<double>();
                double cpu = 0;
                for (int round = 0; round < rounds; round++)
                {
                    DriveSettings Settings(string connect) => new(connect, operation, payload, window, operations, round == 0 ? operations : operations / 10);
                    double before = okapi.CpuSeconds();
                    ours.Add(await DriveAsync(Settings(okapi.EndPoint.ToString())));
                    cpu += okapi.CpuSeconds() - before;
                    theirs.Add(await DriveAsync(Settings(apache.ConnectString)));
                }

                double our = Median(ours), their = Median(theirs);
                yield return new JsonObject
                {
                    ["op"] = "serve-throughput",
                    ["what"] = operation.ToString().ToLowerInvariant(),
                    ["durable"] = durable,
                    ["window"] = window,
                    ["payload"] = payload,
                    ["ops"] = operations,
                    ["okapi_ops_per_s"] = Math.Round(our),
                    ["apache_ops_per_s"] = Math.Round(their),
                    ["ratio"] = Math.Round(our / their, 2),
                    ["okapi_cpu_s"] = Math.Round(cpu, 2), // warm-up included
                }.ToJsonString();
            }
        }
        finally
        {
            folder?.Delete(recursive: true);
        }

        async Task<double> DriveAsync(DriveSettings settings) => JsonNode.Parse(await Driver.RunAsync(settings, cancellationToken))!["ops_per_s"]!.GetValue<double>();
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
