using Microsoft.Extensions.Logging;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;
namespace Okapi.Server.Storage;
internal sealed class DataFolderOptions { public int SnapshotEvery { get; init; } }
internal sealed class DataFolder : IJournal
{
    public byte[] SessionSecret { get; } = [];
    public static DataFolder Open(string folder, DataFolderOptions options, ILogger logger, out RecoveredState state) => throw new NotSupportedException();
    public static void Wipe(string folder) { }
    public void Append(in TransactionHeader header, Transaction transaction) { }
    public void Commit() { }
    public void OfferSnapshot(Tree tree, IReadOnlyDictionary<long, int> sessionTimeouts) { }
    public void Dispose() { }
}
