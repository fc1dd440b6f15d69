using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Storage;

/// <summary>Where transactions go before they are acknowledged. One thread at a time uses it.</summary>
internal interface IJournal : IDisposable
{
    /// <summary>Adds a transaction to those that the next <see cref="Commit"/> makes durable.</summary>
    void Append(in TransactionHeader header, Transaction transaction);

    /// <summary>Returns when all that was appended would survive a power failure.</summary>
    /// <exception cref="IOException">It would not; the server must end, since what is on the disk is no longer known.</exception>
    void Commit();

    /// <summary>Offers the state after the last commit. It is written down when enough has happened since the last time; the log then goes on in a new file.</summary>
    void OfferSnapshot(Tree tree, Func<IReadOnlyDictionary<long, int>> getSessionTimeouts);
}

/// <summary>What a data folder held when it was opened.</summary>
/// <param name="Tree">The znodes.</param>
/// <param name="SessionTimeouts">The sessions that had not ended, with their timeouts in milliseconds.</param>
internal sealed record RecoveredState(Tree Tree, Dictionary<long, int> SessionTimeouts);

/// <summary>Keeps nothing: the server's state is in memory only.</summary>
internal sealed class NoJournal : IJournal
{
    public void Append(in TransactionHeader header, Transaction transaction)
    {
    }

    public void Commit()
    {
    }

    public void OfferSnapshot(Tree tree, Func<IReadOnlyDictionary<long, int>> getSessionTimeouts)
    {
    }

    public void Dispose()
    {
    }
}
