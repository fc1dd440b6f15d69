using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Sessions;

/// <summary>
/// The client's credentials: presented on every new connection before anything else, in the order they were added. Replies to them do not queue behind other
/// replies, so they are matched among themselves.
/// </summary>
internal sealed class AuthBook
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries;
    private readonly Queue<Entry> _unanswered = new();

    public AuthBook(IEnumerable<AuthInfo> credentials) => _entries = [.. credentials.Select(credential => new Entry(credential))];

    /// <summary>Adds a credential, and presents it now if a connection is open.</summary>
    /// <returns>Completes when a server has taken it.</returns>
    public Task AddAsync(AuthInfo credential, Outbox outbox)
    {
        var entry = new Entry(credential);
        lock (_lock)
        {
            _entries.Add(entry);
            if (outbox.TrySendInOrder(entry.Write)) _unanswered.Enqueue(entry);
        }

        return entry.Taken.Task;
    }

    /// <summary>Completes when a server has taken all credentials added so far.</summary>
    public Task WhenTakenAsync()
    {
        lock (_lock) return Task.WhenAll(_entries.Select(entry => entry.Taken.Task));
    }

    /// <summary>Presents all credentials on a new connection.</summary>
    public void Replay(Outbox outbox)
    {
        lock (_lock)
        {
            _unanswered.Clear();
            foreach (Entry entry in _entries)
            {
                outbox.SendControl(entry.Write);
                _unanswered.Enqueue(entry);
            }
        }
    }

    /// <summary>A reply came for the credential that was presented first.</summary>
    public void OnReply(ErrorCode error)
    {
        lock (_lock)
        {
            if (!_unanswered.TryDequeue(out Entry? entry)) throw new ProtocolException("The server answered a credential that was not presented.");
            if (error == ErrorCode.Ok) entry.Taken.TrySetResult();
        }
    }

    /// <summary>The client is over: nobody will answer any more.</summary>
    public void End(Exception reason)
    {
        lock (_lock)
        {
            foreach (Entry entry in _entries)
            {
                entry.Taken.TrySetException(reason);
                _ = entry.Taken.Task.Exception; // nobody has to look at it
            }
        }
    }

    private sealed class Entry(AuthInfo credential)
    {
        public TaskCompletionSource Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Write(ref JuteWriter writer)
        {
            new RequestHeader(Xids.Auth, OpCode.Auth).Write(ref writer);
            new AuthRequest(credential.Scheme, credential.Credential).Write(ref writer);
        }
    }
}
