using System.Text.Json.Serialization.Metadata;

namespace Okapi.State;

/// <summary>Opens shared states: one record that many processes share, at <c>/DIR/payload</c> as JSON. A process of zkstate (Rust) can share the same.</summary>
public static class SharedState
{
    /// <summary>Opens a state, and creates it with an initial value if it is not there.</summary>
    /// <typeparam name="T">The value's type, a record best: what is read is shared with all who read it.</typeparam>
    /// <param name="client">The client. With <see cref="SessionRecovery.NewSession"/> the state survives the loss of a session. It stays the caller's.</param>
    /// <param name="path">The znode that the state lies below; created with its parents if it is missing.</param>
    /// <param name="initial">The value if there is none yet.</param>
    /// <param name="type">How the value is written as JSON.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The state, with its newest value.</returns>
    /// <exception cref="InvalidStateException">There is a payload that is not valid JSON or not a <typeparamref name="T"/>. It is left as it is.</exception>
    /// <exception cref="StateTooLargeException">The initial value is too large.</exception>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static Task<SharedState<T>> OpenAsync<T>(ZooKeeperClient client, string path, T initial, JsonTypeInfo<T> type, SharedStateOptions? options = null, CancellationToken cancellationToken = default)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(initial);
        return OpenAsync(Create(client, path, type, options), state => state.OpenAsync(initial, cancellationToken));
    }

    /// <summary>Opens a state that somebody else creates, and waits until it is there.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="client">The client.</param>
    /// <param name="path">The znode that the state lies below.</param>
    /// <param name="type">How the value is written as JSON.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The state, with its newest value.</returns>
    /// <exception cref="InvalidStateException">There is a payload that is not valid JSON or not a <typeparamref name="T"/>. It is left as it is.</exception>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static Task<SharedState<T>> ExpectAsync<T>(ZooKeeperClient client, string path, JsonTypeInfo<T> type, SharedStateOptions? options = null, CancellationToken cancellationToken = default)
        where T : notnull => OpenAsync(Create(client, path, type, options), state => state.ExpectAsync(cancellationToken));

    private static SharedState<T> Create<T>(ZooKeeperClient client, string path, JsonTypeInfo<T> type, SharedStateOptions? options)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(type);
        return new(client, path, type, (options ?? new()).Validated());
    }

    private static async Task<SharedState<T>> OpenAsync<T>(SharedState<T> state, Func<SharedState<T>, Task> open)
        where T : notnull
    {
        try
        {
            await open(state).ConfigureAwait(false);
            return state;
        }
        catch
        {
            await state.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
