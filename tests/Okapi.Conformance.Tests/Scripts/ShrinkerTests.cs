namespace Okapi.Conformance.Tests.Scripts;

public class ShrinkerTests
{
    // Two servers that differ on every script in which session 1 or 2 deletes ~/b, in a transaction, some time after an ephemeral was created.
    private static bool Differ(Script script)
    {
        bool ephemeral = false;
        foreach (Step step in script.Steps)
        {
            ephemeral |= step.Operation is { IsCreate: true, Number: 1 or 3 };
            if (ephemeral && step.Session > 0 && step.Operation.Verb == "multi" && step.Operation.Parts.Any(part => part is { Verb: "delete", Path: "~/b" })) return true;
        }

        return false;
    }

    [Fact]
    public async Task A_script_is_shrunk_to_the_steps_that_matter_and_those_to_their_plainest_form()
    {
        int shrunk = 0;
        for (int seed = 0; seed < 3000; seed++)
        {
            Script script = ScriptGenerator.Make(seed);
            if (!Differ(script)) continue;
            shrunk++;
            var shrinker = new Shrinker(shorter => Task.FromResult(Differ(shorter)));
            Script least = await shrinker.ShrinkAsync(script);
            Assert.True(Differ(least), $"Seed {seed}");
            Assert.Equal(2, least.Steps.Count);
            Assert.Matches("^0 create(2|TTL|Container)?( [^ ]+)? flags=[13]( ttl=100000)?\n[12] multi { delete ~/b }$", least.ToString());
        }

        Assert.InRange(shrunk, 50, 3000);
    }

    [Fact]
    public async Task It_tries_no_more_often_than_it_may()
    {
        int tries = 0;
        var shrinker = new Shrinker(
            _ =>
            {
                tries++;
                return Task.FromResult(false);
            },
            tries: 10);
        Script script = ScriptGenerator.Make(1);
        Assert.Same(script, await shrinker.ShrinkAsync(script));
        Assert.Equal(10, tries);
    }
}
