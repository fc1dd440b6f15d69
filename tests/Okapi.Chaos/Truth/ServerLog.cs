using System.Globalization;
using Okapi.Protocol;

namespace Okapi.Chaos.Truth;

/// <summary>What one server leaves behind: its log, the zxids it has snapshots of, and what it has said.</summary>
/// <param name="Server">The server's number.</param>
/// <param name="Transactions">Its transactions by zxid.</param>
/// <param name="Snapshots">The zxids of its snapshots, ascending.</param>
/// <param name="Takeovers">When it led, and from where on.</param>
public sealed record ServerLog(int Server, IReadOnlyList<LoggedTransaction> Transactions, IReadOnlyList<long> Snapshots, IReadOnlyList<Takeover> Takeovers)
{
    private const string SnapshotList = "snapshots";
    private const string MessageFile = "messages";

    /// <summary>When it had another tree than its leader.</summary>
    public IReadOnlyList<Divergence> Divergences { get; init; } = [];

    /// <summary>Keeps what a later check needs: the log without the zeros behind it, and the names of the snapshots.</summary>
    /// <param name="dataFolder">The server's data folder. The server should have been stopped.</param>
    /// <param name="runFolder">The folder of the run.</param>
    /// <param name="server">The server's number.</param>
    /// <param name="messages">What it has printed; null if it was alone.</param>
    /// <param name="wiped">Folders that it had before and that were taken from it: what is in their logs has happened, too.</param>
    public static void Keep(string dataFolder, string runFolder, int server, IEnumerable<string>? messages = null, IEnumerable<string>? wiped = null)
    {
        string target = FolderOf(runFolder, server);
        Directory.CreateDirectory(target);
        string[] sources = [.. (wiped ?? []).Append(dataFolder).Select(folder => Path.Combine(folder, "version-2"))];
        foreach (string source in sources) KeepLogs(source, target);
        File.WriteAllLines(Path.Combine(target, SnapshotList), sources.SelectMany(source => Directory.GetFiles(source, "snapshot.*")).Select(file => Path.GetFileName(file)).Distinct());
        File.WriteAllLines(Path.Combine(target, MessageFile), (messages ?? []).Where(each => Takeover.IsToldBy(each) || Divergence.IsToldBy(each)));
    }

    private static void KeepLogs(string source, string target)
    {
        foreach (string file in Directory.GetFiles(source, "log.*"))
        {
            byte[] bytes = File.ReadAllBytes(file);
            int length = LogFile.LengthInUse(bytes);
            string kept = Path.Combine(target, Path.GetFileName(file));
            if (File.Exists(kept) && new FileInfo(kept).Length > length) continue; // the same beginning, and less of it
            using FileStream copy = File.Create(kept);
            copy.Write(bytes, 0, length);
        }
    }

    /// <summary>The numbers of the servers whose logs were kept.</summary>
    public static IEnumerable<int> Kept(string runFolder) =>
        Directory.Exists(Path.Combine(runFolder, "servers"))
            ? Directory.GetDirectories(Path.Combine(runFolder, "servers")).Select(each => int.Parse(Path.GetFileName(each), CultureInfo.InvariantCulture)).Order()
            : [];

    /// <summary>Reads what <see cref="Keep"/> kept, and has Apache's tool confirm every transaction.</summary>
    /// <exception cref="InvalidDataException">The tool reads something else.</exception>
    public static async Task<ServerLog> LoadAsync(string runFolder, int server)
    {
        string folder = FolderOf(runFolder, server);
        var all = new List<LoggedTransaction>();
        foreach (string file in Directory.GetFiles(folder, "log.*").OrderBy(ZxidOf))
        {
            IReadOnlyList<LoggedTransaction> read = [.. LogFile.Read(file)];
            if (read.Count == 0) continue; // the tool refuses a file without any
            Confirm(file, read, await TxnLogToolkit.PrintAsync(file));
            all.AddRange(read);
        }

        // A server that took over from a snapshot may have begun a new file at a zxid which the old one went beyond: the new one counts.
        LoggedTransaction[] transactions = [.. all.GroupBy(each => each.Zxid).Select(each => each.Last()).OrderBy(each => each.Zxid)];
        string[] messages = await File.ReadAllLinesAsync(Path.Combine(folder, MessageFile));
        return new ServerLog(
            server,
            transactions,
            [.. File.ReadLines(Path.Combine(folder, SnapshotList)).Select(ZxidOf).Order()],
            [.. Takeover.In(messages)])
        {
            Divergences = [.. Divergence.In(messages)],
        };
    }

    /// <summary>Compares what was read with what Apache's tool prints.</summary>
    internal static void Confirm(string file, IReadOnlyList<LoggedTransaction> read, IReadOnlyList<PrintedTransaction> printed)
    {
        for (int i = 0; i < Math.Max(read.Count, printed.Count); i++)
        {
            if (i < read.Count && i < printed.Count && IsSame(read[i], printed[i])) continue;
            throw new InvalidDataException(
                $"{file}: transaction {i} is read as {(i < read.Count ? read[i] : "none")} and printed by TxnLogToolkit as {(i < printed.Count ? printed[i] : "none")}.");
        }
    }

    private static bool IsSame(LoggedTransaction read, PrintedTransaction printed) =>
        read.Session == printed.Session && read.Cxid == printed.Cxid && read.Zxid == printed.Zxid
        && (read.Type, printed.Type) switch
        {
            (OpCode.Error, "error") => printed.Rest == ((int)read.Error).ToString(CultureInfo.InvariantCulture),
            (OpCode.CreateSession, "createSession") or (OpCode.CloseSession, "closeSession") or (OpCode.Multi, "multi") or (OpCode.Reconfig, "reconfig") => true,
            (OpCode.Create, "create") or (OpCode.Create2, "create2") or (OpCode.SetData, "setData")
                or (OpCode.CreateContainer, "createContainer") or (OpCode.CreateTtl, "createTtl") or (OpCode.Delete, "delete") or (OpCode.DeleteContainer, "deleteContainer") or (OpCode.SetAcl, "setACL") =>
                printed.Rest.AsSpan().TrimStart('\'').StartsWith(read.Changes[0].Path, StringComparison.Ordinal),
            _ => false,
        };

    private static string FolderOf(string runFolder, int server) => Path.Combine(runFolder, "servers", server.ToString(CultureInfo.InvariantCulture));

    private static long ZxidOf(string file) => long.Parse(Path.GetExtension(file).AsSpan(1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
