namespace Okapi.Recipes.Nodes;

/// <summary>
/// The connection went, or the session, or the server takes no writes: what is asked again then, and what is told to whoever has asked. All three outlast lost connections; they differ in what else they outlast. Nothing outlasts
/// the client: <see cref="SessionEndedException"/> says that no session follows.
/// </summary>
internal sealed class Endurance
{
    /// <summary>
    /// For what goes with its session, such as a place in a line: whoever has lost the session begins anew. Waits for a server that takes writes. What was lost with the connection can be asked for again in the next session, so
    /// that whoever asks looks whose it is.
    /// </summary>
    public static readonly Endurance WithinSession = new(outlastsSession: false, outlastsReadOnly: true);

    /// <summary>For a user's call: it goes on in the next session. That a server takes no writes is the user's to know.</summary>
    public static readonly Endurance AcrossSessions = new(outlastsSession: true, outlastsReadOnly: false);

    /// <summary>For what is kept or followed, whoever waits: it goes on in the next session, and waits for a server that takes writes.</summary>
    public static readonly Endurance Unlimited = new(outlastsSession: true, outlastsReadOnly: true);

    /// <summary>How long a server is left alone that takes writes by its own account, and has answered that it is read-only.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly bool _outlastsSession;
    private readonly bool _outlastsReadOnly;

    private Endurance(bool outlastsSession, bool outlastsReadOnly) => (_outlastsSession, _outlastsReadOnly) = (outlastsSession, outlastsReadOnly);

    /// <summary>Whether a failure says that the connection is at fault, and not the request or the session.</summary>
    public static bool IsLoss(Exception error) => error is ConnectionLossException or RequestTimeoutException;

    /// <summary>Waits for a server that takes writes; at once if there is one.</summary>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task WaitWritableAsync(ZooKeeperClient zk, CancellationToken cancellationToken)
    {
        if (zk.State == SessionState.Connected) return;
        await foreach (SessionStateChange change in zk.StateChangesAsync(cancellationToken).ConfigureAwait(false))
            if (change.State == SessionState.Connected) return;
        await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false); // says why there is none
    }

    /// <summary>Whether to ask again after a failure.</summary>
    public bool Outlasts(Exception error) => IsLoss(error) || (_outlastsSession && error is SessionExpiredException) || (_outlastsReadOnly && error is NotReadOnlyException);

    /// <summary>Asks for what may be asked for again, as often as it takes. (To ask a server to catch up with its leader counts as a write to it.)</summary>
    /// <exception cref="SessionEndedException">The client is over; or, within a session, that is.</exception>
    public async Task<T> AskAsync<T>(ZooKeeperClient zk, Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await ask(cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException failed) when (Outlasts(failed))
            {
                await WaitPassedAsync(zk, failed, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc cref="AskAsync{T}"/>
    public Task AskAsync(ZooKeeperClient zk, Func<CancellationToken, Task> ask, CancellationToken cancellationToken) => AskAsync(
        zk,
        async ct =>
        {
            await ask(ct).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    private static Task WaitPassedAsync(ZooKeeperClient zk, Exception error, CancellationToken cancellationToken)
    {
        if (error is not NotReadOnlyException) return zk.WaitConnectedAsync(cancellationToken: cancellationToken);
        return zk.State == SessionState.Connected ? Task.Delay(s_pause, zk.TimeProvider, cancellationToken) : WaitWritableAsync(zk, cancellationToken);
    }
}
