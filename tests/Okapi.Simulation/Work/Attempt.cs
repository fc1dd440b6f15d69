using Okapi.State;

namespace Okapi.Simulation.Work;

/// <summary>How a call ended.</summary>
internal enum Ending
{
    Done,

    /// <summary>The server said no: it is as if the call had not been made.</summary>
    Refused,

    /// <summary>It was never sent.</summary>
    NotSent,

    /// <summary>Nobody can know whether it was done.</summary>
    Unknown,
}

/// <summary>How a call ended, and what it gave.</summary>
internal readonly record struct Attempt<T>(Ending Ending, T? Value, Exception? Error, long ZxidBefore, long ZxidAfter)
{
    public bool IsDone => Ending == Ending.Done;

    /// <summary>Why the server refused, if that was told by a value and not by an exception.</summary>
    public ErrorCode? Told { get; init; }

    /// <summary>Why the server refused; null if it did not.</summary>
    public ErrorCode? Code => Told ?? (Error as ZooKeeperException)?.Code;
}

/// <summary>Makes calls, and sees that each ends once, in time and in a way that is documented (I1, I10).</summary>
internal static class Attempts
{
    public static async Task<Attempt<T>> MakeAsync<T>(World world, Player player, string what, Func<ValueTask<T>> call, TimeSpan? limit = null)
    {
        TimeSpan began = world.Time.Now;
        TimeSpan longest = (limit ?? player.Options.RequestTimeout) + TimeSpan.FromMilliseconds(100);
        long before = player.Zk.LastZxid;
        Ending ending = Ending.Done;
        T? value = default;
        Exception? error = null;
        world.Calls++;
        try
        {
            value = await call();
        }
        catch (Exception thrown)
        {
            error = thrown;
            ending = Classify(world, player, what, thrown);
        }

        world.CallsEnded++;
        TimeSpan took = world.Time.Now - began;
        if (took > longest) world.Fail($"I10: {what} of client {player.Number} has taken {took.TotalSeconds:0.000} s");
        world.Trace.Note(20, player.Number, (int)ending, took.Ticks);
        if (world.Trace.HasWords) world.Trace.Say($"c{player.Number} {what}: {ending} {error?.GetType().Name} {(error is null ? "" : error.Message)}");
        return new(ending, value, error, before, world.LastZxid);
    }

    public static Ending Classify(World world, Player player, string what, Exception error)
    {
        switch (error)
        {
            case ConnectionLossException { Outcome: RequestOutcome.NotSent } or RequestTimeoutException { Outcome: RequestOutcome.NotSent } or UpdateOutcomeUnknownException { Outcome: RequestOutcome.NotSent }:
                return Ending.NotSent;
            case ConnectionLossException or RequestTimeoutException or SessionEndedException or OperationCanceledException or UpdateOutcomeUnknownException:
                return Ending.Unknown;
            case ZooKeeperException or TimeoutException or StateException:
                return Ending.Refused;
            default:
                if (!world.IsLenient) world.Fail($"I1: {what} of client {player.Number} ends with {error}");
                return Ending.Unknown;
        }
    }
}
