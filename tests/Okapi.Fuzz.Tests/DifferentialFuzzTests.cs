using Okapi.Fuzz.Tests.Differential;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Server;

namespace Okapi.Fuzz.Tests;

/// <summary>F4: the same spoiled frames to Apache's server and to the embedded one.</summary>
[Collection(nameof(OneAfterAnother))]
public class F4
{
    /// <summary>With the same frames each time: one in many thousands has met a whim of Apache's, and who has changed nothing must not be told so. eng/fuzz has others each time.</summary>
    [Fact]
    public async Task Both_servers_meet_a_spoiled_frame_alike()
    {
        IReadOnlyList<Conversation> conversations = await Conversation.RecordAllAsync(ServerVersion.V38);
        await using TwoServers servers = await TwoServers.StartAsync();
        await using var fuzzer = new DifferentialFuzzer(servers, conversations);
        await new FuzzLoop(nameof(F4), 2_000, TimeSpan.FromSeconds(15), fixedSeed: 1, isOneStory: true).RunAsync(fuzzer.RunAsync);
        FuzzLoop.Say($"F4: {string.Join("; ", fuzzer.Classes.Select(each => $"{each.Key} {each.Value}"))}. Known differences: {string.Join(", ", fuzzer.Excused.Select(each => $"{each.Key} {each.Value}"))}.");
    }
}
