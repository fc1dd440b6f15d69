namespace Okapi.State.Sharing;

/// <summary>Keeps the replica at what the servers have: a watch tells of changes at once, a check at intervals verifies that none was missed. Goes on across connections and sessions.</summary>
/// <typeparam name="T">The value's type.</typeparam>
internal sealed class Follower<T>(ZooKeeperClient zk, Payload<T> payload, Replica<T> replica, ListenerEntry listener, TimeSpan interval)
    where T : notnull
{
    /// <summary>Follows until it is cancelled or the client is over.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true) await FollowUntilLostAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            replica.End(null);
        }
        catch (SessionEndedException over)
        {
            replica.End(over);
        }
        catch (Exception broken)
        {
            replica.End(broken); // nobody follows any more, and who reads has to hear of it
        }
    }

    private async Task FollowUntilLostAsync(CancellationToken cancellationToken)
    {
        CancellationToken sessionLost = zk.SessionLost;
        try
        {
            while (true) await FollowOnceAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SessionExpiredException expired)
        {
            replica.Lapse(expired);
            await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ZooKeeperException lost) when (Patience.IsLoss(lost))
        {
            replica.Doubt(lost);
            await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ZooKeeperException refused) when (refused is not SessionEndedException)
        {
            replica.Doubt(refused); // no right to read it, for example; somebody may mend that
            if (!await DelayAsync(sessionLost, cancellationToken).ConfigureAwait(false)) replica.Lapse(refused);
        }
    }

    /// <returns>False: the session has ended meanwhile.</returns>
    private async Task<bool> DelayAsync(CancellationToken sessionLost, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(sessionLost, cancellationToken);
        try
        {
            await Task.Delay(interval, zk.TimeProvider, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The next read is the new session's, or says that there is none.
        }

        return !sessionLost.IsCancellationRequested;
    }

    /// <summary>Reads, and waits until there is something else to be read.</summary>
    private async Task FollowOnceAsync(CancellationToken cancellationToken)
    {
        PayloadWatch watch = await payload.WatchAsync(cancellationToken).ConfigureAwait(false);
        await using (watch.Handle.ConfigureAwait(false))
        {
            // Without a payload there is nobody to listen: whoever clears the state away is not to find it made again.
            if (watch.Exists) await listener.MendAsync(cancellationToken).ConfigureAwait(false);
            while (!await HasFiredAsync(watch.Fired, cancellationToken).ConfigureAwait(false))
            {
                if (!await payload.CheckAsync(cancellationToken).ConfigureAwait(false)) return;
                await listener.MendAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <returns>False: it is time for a check.</returns>
    private async Task<bool> HasFiredAsync(Task fired, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task time = Task.Delay(interval, zk.TimeProvider, stop.Token);
        Task first = await Task.WhenAny(fired, time).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (first != fired) return false;
        await fired.ConfigureAwait(false);
        return true;
    }
}
