namespace Okapi.State.Sharing;

/// <summary>The ephemeral znode by which others see that this instance is open. It goes with its session and is made again in the next. Its data is the number of the update that this instance wrote last.</summary>
internal sealed class ListenerEntry(ZooKeeperClient zk, StatePaths paths, IReadOnlyList<Acl>? acl)
{
    /// <summary>Sees to it that it is there, and this session's. Once.</summary>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            CreateResult created = await zk.TryCreateAsync(paths.Listener, ReadOnlyMemory<byte>.Empty, CreateMode.Ephemeral, acl, cancellationToken: cancellationToken).ConfigureAwait(false);
            switch (created.Outcome)
            {
                case CreateOutcome.Created:
                    return;
                case CreateOutcome.NoParent:
                    await zk.EnsurePathAsync(paths.Listeners, acl, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    Stat? there = await zk.ExistsAsync(paths.Listener, cancellationToken).ConfigureAwait(false);
                    if (there is { } own && own.EphemeralOwner == zk.SessionId) return;
                    // A session before this one has left it. The name is a GUID of this instance, so it is nobody else's, and it is about to go anyway (H66).
                    if (there is not null) await zk.TryDeleteAsync(paths.Listener, cancellationToken: cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    /// <summary>Makes it again if it has gone, with its session or otherwise. Once.</summary>
    public async Task MendAsync(CancellationToken cancellationToken)
    {
        if (await zk.ExistsAsync(paths.Listener, cancellationToken).ConfigureAwait(false) is { } there && there.EphemeralOwner == zk.SessionId) return;
        await EnsureAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes it. When this returns it is gone, or the connection is, and it goes as soon as there is one, or with the session.</summary>
    public async Task DeleteAsync()
    {
        if (!await TryDeleteAsync().ConfigureAwait(false)) _ = DeleteInBackgroundAsync();
    }

    private async Task DeleteInBackgroundAsync()
    {
        long session = zk.SessionId;
        try
        {
            do
            {
                await zk.WaitConnectedAsync().ConfigureAwait(false);
            }
            while (zk.SessionId == session && !await TryDeleteAsync().ConfigureAwait(false));
        }
        catch (SessionEndedException)
        {
            // It has gone with the session.
        }
    }

    /// <returns>False if the connection was lost.</returns>
    private async Task<bool> TryDeleteAsync()
    {
        if (!zk.IsConnected) return false; // a request would wait for a connection
        try
        {
            await zk.TryDeleteAsync(paths.Listener).ConfigureAwait(false);
            return true;
        }
        catch (ZooKeeperException lost)
        {
            return !Patience.IsLoss(lost); // or it has gone with the session, or may not be deleted
        }
    }
}
