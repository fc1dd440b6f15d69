using Okapi.Fuzz.Tests.Server;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Server;

namespace Okapi.Fuzz.Tests;

/// <summary>F3: what clients said, spoiled, to the embedded server.</summary>
[Collection(nameof(OneAfterAnother))]
public class F3
{
    [Fact]
    public async Task A_server_gives_nonsense_what_it_is_owed_and_nobody_else_notices()
    {
        IReadOnlyList<Conversation> conversations = await Conversation.RecordAllAsync(ServerVersion.V39);
        await using ServerFuzzer locked = await ServerFuzzer.StartAsync(conversations, ServerVersion.V38, isLocked: true);
        await using ServerFuzzer open = await ServerFuzzer.StartAsync(conversations, ServerVersion.V39, isLocked: false);
        var loop = new FuzzLoop(nameof(F3), 200_000, TimeSpan.FromSeconds(60));
        await loop.RunAsync(locked.RunAsync, open.RunAsync);
    }
}
