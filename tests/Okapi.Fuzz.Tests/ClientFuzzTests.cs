using Okapi.Fuzz.Tests.Client;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Security;
using Okapi.Server;

namespace Okapi.Fuzz.Tests;

/// <summary>F2: what servers said, spoiled, to the client.</summary>
[Collection(nameof(OneAfterAnother))]
public class F2
{
    [Fact]
    public async Task A_client_outlives_whatever_a_server_says()
    {
        IReadOnlyList<Conversation> conversations = await Conversation.RecordAllAsync(ServerVersion.V39);
        new ClientFuzzer(conversations).RunUnspoiled();
        int kept = 0;
        new FuzzLoop(nameof(F2), 200_000, TimeSpan.FromSeconds(60)).Run(() =>
        {
            var fuzzer = new ClientFuzzer(conversations);
            return seed =>
            {
                fuzzer.Run(seed);
                kept = fuzzer.Kept;
            };
        });
        FuzzLoop.Say($"F2: {kept} kinds of outcomes on one of the threads.");
    }

    /// <summary>The challenge of SASL DIGEST-MD5 is text with a grammar of its own.</summary>
    [Fact]
    public void A_spoiled_challenge_is_answered_or_refused() => new FuzzLoop(ChallengeFuzzer.Name, 200_000, TimeSpan.FromSeconds(5)).Run(() => ChallengeFuzzer.Run);
}
