using Okapi.Fuzz.Tests.Client;
using Okapi.Fuzz.Tests.Differential;
using Okapi.Fuzz.Tests.Records;
using Okapi.Fuzz.Tests.Server;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Server;

namespace Okapi.Fuzz.Tests;

/// <summary>Every input that once failed. A file's name begins with the kind of fuzzing that it is for; OKAPI_FUZZ_REPLAY names one that is not in the corpus yet.</summary>
[Collection(nameof(OneAfterAnother))]
public class CorpusTests
{
    public static TheoryData<string> Files { get; } = FuzzSettings.Replay is { } one
        ? [one]
        : [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Corpus"), "*.hex").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task What_failed_once_does_not_fail_again(string file)
    {
        byte[] input = HexFile.Read(Path.Combine(AppContext.BaseDirectory, "Corpus", file)); // a whole path stays as it is
        string name = Path.GetFileName(file);
        switch (name[..2])
        {
            case nameof(F2) when name.StartsWith(ChallengeFuzzer.Name, StringComparison.Ordinal):
                ChallengeFuzzer.Run(input);
                break;
            case nameof(F1):
                new RecordFuzzer().Run(input);
                break;
            case nameof(F2):
                new ClientFuzzer(await Conversation.RecordAllAsync(ServerVersion.V39)).Run(input);
                break;
            case nameof(F3):
                foreach (bool isLocked in (bool[])[true, false])
                {
                    await using ServerFuzzer fuzzer = await ServerFuzzer.StartAsync([], isLocked ? ServerVersion.V38 : ServerVersion.V39, isLocked);
                    await fuzzer.RunAsync(input);
                }

                break;
            case nameof(F4):
                await using (TwoServers servers = await TwoServers.StartAsync())
                await using (var fuzzer = new DifferentialFuzzer(servers, [])) await fuzzer.RunAsync(input);
                break;
            default:
                throw new ArgumentException($"{name} does not begin with F1, F2, F3 or F4.");
        }
    }
}
