using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Okapi.Chaos.Truth;

/// <summary>The first line of a transaction as Apache's tool prints it.</summary>
public readonly record struct PrintedTransaction(long Session, int Cxid, long Zxid, string Type, string Rest);

/// <summary>Apache ZooKeeper's own reader of its logs, <c>org.apache.zookeeper.server.persistence.TxnLogToolkit</c>, which checks checksums as well.</summary>
public static partial class TxnLogToolkit
{
    private const string Jars = "/usr/share/java";

    private static readonly string[] Needed = ["zookeeper", "zookeeper-jute", "slf4j-api", "netty-handler", "netty-buffer", "netty-common", "netty-transport", "metrics-core", "snappy-java", "commons-cli"];

    public static bool IsAvailable => Needed.All(jar => File.Exists($"{Jars}/{jar}.jar"));

    /// <summary>All transactions of a file of the log.</summary>
    /// <exception cref="InvalidDataException">The tool failed.</exception>
    public static async Task<IReadOnlyList<PrintedTransaction>> PrintAsync(string file)
    {
        var start = new ProcessStartInfo("java", ["-Xmx256m", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-cp", string.Join(':', Needed.Select(jar => $"{Jars}/{jar}.jar")), "org.apache.zookeeper.server.persistence.TxnLogToolkit", "-d", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        using Process java = Process.Start(start) ?? throw new InvalidOperationException("java did not start.");
        Task<string> errors = java.StandardError.ReadToEndAsync();
        var printed = new List<PrintedTransaction>();
        string last = "";
        while (await java.StandardOutput.ReadLineAsync() is { } line)
        {
            // Data and ACLs may hold line breaks: only what begins as a transaction is one.
            if (TryParse(line, out PrintedTransaction transaction)) printed.Add(transaction);
            last = line;
        }

        await java.WaitForExitAsync();
        return java.ExitCode == 0 ? printed : throw new InvalidDataException($"TxnLogToolkit ended with {java.ExitCode} on {file}: {last} {await errors}");
    }

    public static bool TryParse(string line, out PrintedTransaction transaction)
    {
        Match match = Line().Match(line);
        transaction = match.Success
            ? new(Hex(match.Groups[1]), (int)Hex(match.Groups[2]), Hex(match.Groups[3]), match.Groups[4].Value, match.Groups[5].Value)
            : default;
        return match.Success;
    }

    private static long Hex(Group group) => unchecked((long)ulong.Parse(group.ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^\d+/\d+/\d+,? .{5,20} session 0x([0-9a-f]+) cxid 0x([0-9a-f]+) zxid 0x([0-9a-f]+) (\S+) ?(.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Line();
}
