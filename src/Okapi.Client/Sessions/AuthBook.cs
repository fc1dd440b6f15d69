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
    private Func<Exception>? _ended;

    /// <summary>Where the credentials were presented last, and new ones are; null between connections.</summary>
    private Outbox? _outbox;

    public AuthBook(IEnumerable<AuthInfo> credentials) => _entries = [.. credentials.Select(credential => new Entry(credential))];

    /// <summary>Adds a credential, and presents it now if a connection is open.</summary>
    /// <returns>Completes when a server has taken it.</returns>
    public Task AddAsync(AuthInfo credential)
    {
        var entry = new Entry(credential);
        lock (_lock)
        {
            if (_ended is not null) return Task.FromException(_ended());
            if (_entries.Find(known => known.IsSame(credential)) is { } same) return same.Taken.Task; // somebody tries again
            _entries.Add(entry);
            if (_outbox is not null && _outbox.TrySendInOrder(entry.Write)) _unanswered.Enqueue(entry);
        }

        return entry.Taken.Task;
    }

    /// <summary>Completes when a server has taken all credentials added so far.</summary>
    public Task WhenTakenAsync()
    {
        lock (_lock) return Task.WhenAll(_entries.Select(entry => entry.Taken.Task));
    }

    /// <summary>Presents all credentials on a new connection and opens it to requests.</summary>
    /// <param name="outbox">Where to.</param>
    /// <param name="open">Opens it. One that is added meanwhile waits for this, or it would be presented by nobody.</param>
    public void Replay(Outbox outbox, Action open)
    {
        lock (_lock)
        {
            _outbox = outbox;
            _unanswered.Clear();
            foreach (Entry entry in _entries)
            {
                outbox.SendControl(entry.Write);
                _unanswered.Enqueue(entry);
            }

            open();
        }
    }

    /// <summary>The connection is gone; the next one gets all credentials.</summary>
    public void OnDropped()
    {
        lock (_lock) _outbox = null;
    }

    /// <summary>A reply came for the credential that was presented first.</summary>
    /// <returns>The credential's scheme.</returns>
    public string OnReply(ErrorCode error)
    {
        lock (_lock)
        {
            if (!_unanswered.TryDequeue(out Entry? entry)) throw new ProtocolException("The server answered a credential that was not presented.");
            if (error == ErrorCode.Ok) entry.Taken.TrySetResult();
            return entry.Scheme;
        }
    }

    /// <summary>The client is over: nobody will answer any more.</summary>
    public void End(Func<Exception> reason)
    {
        lock (_lock)
        {
            _ended = reason;
            foreach (Entry entry in _entries)
            {
                entry.Taken.TrySetException(reason());
                _ = entry.Taken.Task.Exception; // nobody has to look at it
            }
        }
    }

    private sealed class Entry(AuthInfo credential)
    {
        public string Scheme => credential.Scheme;

        public TaskCompletionSource Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsSame(AuthInfo other) => other.Scheme == credential.Scheme && other.Credential.Span.SequenceEqual(credential.Credential.Span);

        public void Write(ref JuteWriter writer)
        {
            new RequestHeader(Xids.Auth, OpCode.Auth).Write(ref writer);
            new AuthRequest(credential.Scheme, credential.Credential).Write(ref writer);
        }
    }
}
