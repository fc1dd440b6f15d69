namespace Okapi.Recipes.Tests.Interop;

/// <summary>The server looks for empty containers now and then.</summary>
internal static class ContainerCheck
{
    /// <summary>Waits until it has deleted what is an empty container now, and was not always empty.</summary>
    public static async Task DoneAsync(ZooKeeperClient zk, string root)
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        foreach (string witness in (string[])["/first", "/second"])
        {
            // By the time it has found the second, it is done with all that it found along with the first.
            await zk.CreateAsync(root + witness, mode: CreateMode.Container, cancellationToken: ct);
            await zk.DeleteAsync(await zk.CreateAsync(root + witness + "/child", cancellationToken: ct), cancellationToken: ct);
            await Waiting.UntilAsync(async () => await zk.ExistsAsync(root + witness, ct) is null, "an empty container gone");
        }
    }
}
