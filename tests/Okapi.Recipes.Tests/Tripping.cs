namespace Okapi.Recipes.Tests;

internal static class Tripping
{
    /// <summary>Completes when a token trips.</summary>
    public static async Task TrippedAsync(this CancellationToken token)
    {
        var tripped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = token.Register(tripped.SetResult);
        await tripped.Task.Soon();
    }
}
