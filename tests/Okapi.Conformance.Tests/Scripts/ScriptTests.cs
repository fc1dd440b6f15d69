namespace Okapi.Conformance.Tests.Scripts;

/// <summary>That scripts tell the same of servers that are the same, and that they see what differs.</summary>
public class ScriptTests(TwoApaches servers) : IClassFixture<TwoApaches>
{
    [Fact]
    public Task Two_servers_of_the_same_kind_say_the_same_to_every_script() => servers.CompareAsync(150);

    [Fact]
    public async Task A_difference_is_seen_and_shrunk_to_what_causes_it()
    {
        var differential = new Differential("one", servers.One, "other", servers.Other) { Corrupt = transcript => Forge(transcript), MaximumFailures = 1 };
        IReadOnlyList<string> failures = await differential.RunAsync([("forged", ScriptText.Read("""
            0 create ~/a data=x
            1 exists ~/a/b watch
            2+ create ~/b acl=read
            2 create ~/a/a flags=1
            1 multi { check ~/a ; create ~/a/b data=longer }
            0 drop
            2 setData ~/a data=x v=1
            0 resume
            1 getChildren ~
            0 delete ~/a/b v=0
            """))]);
        string told = Assert.Single(failures);
        // What is left is the watch, and what it takes to make it fire.
        Assert.Contains("\n\n0 create ~/a\n0 exists ~/a/b watch\n0 multi { create ~/a/b }\n\n", told, StringComparison.Ordinal);
        Assert.Contains(">>> one      0: NodeCreated ~/a/b", told, StringComparison.Ordinal);
        Assert.Contains(">>> other    0: NodeDeleted ~/a/b", told, StringComparison.Ordinal);
    }

    private static Transcript Forge(Transcript transcript) => new([.. transcript.Steps.Select(step =>
        step with { Lines = [.. step.Lines.Select(line => line.Replace("NodeCreated", "NodeDeleted", StringComparison.Ordinal))] })]);
}
