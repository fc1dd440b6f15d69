using Okapi.Protocol;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>
/// Runs scripts on a server, each below a path of its own. Steps are taken one after another: when a step is over, every session has heard all that came of it,
/// so that two servers can be compared event by event.
/// </summary>
public static class ScriptRun
{
    public static async Task<Transcript> RunAsync(Script script, Target target, Janitor janitor, TimeSpan patience)
    {
        (string root, long zxid) = await janitor.CreateAsync();
        var ledger = new Ledger(root);
        ledger.Write(zxid);
        Seat[] seats = [.. Enumerable.Range(0, Script.Sessions).Select(number => new Seat(number, target, root, ledger, patience))];
        var steps = new List<Heard>();
        try
        {
            var opened = new List<string>();
            foreach (Seat seat in seats) await seat.OpenAsync(opened);
            steps.Add(new("three sessions", opened));
            for (int i = 0; i < script.Steps.Count;)
            {
                int count = Together(script.Steps, i);
                steps.Add(await TakeAsync([.. script.Steps.Skip(i).Take(count)], seats));
                i += count;
            }
        }
        finally
        {
            // A session ends with its script, for the next one's sake: a server has only so many.
            await Task.WhenAll(seats.Select(async seat =>
            {
                if (seat.IsConnected) await CloseAsync(seat);
            }));
            await janitor.RemoveAsync(root);
        }

        return new(steps);
    }

    // How many steps go out before a reply is read. Where Apache leaves it to chance what comes of that, one at a time.
    private static int Together(IReadOnlyList<Step> steps, int first)
    {
        int last = first;
        while (steps[last] is { Unawaited: true, Operation.Verb: not "setACL" } && CanBeTogether(steps[last].Operation) && last + 1 < steps.Count
            && steps[last + 1].Session == steps[first].Session && CanBeTogether(steps[last + 1].Operation)) last++;
        return last - first + 1;
    }

    // Apache answers auth out of turn, judges what comes right behind a setACL by the old ACL or the new one, and what follows the end of a connection may be heard or not.
    private static bool CanBeTogether(Operation operation) => operation.IsRequest && operation.Verb is not ("auth" or "close" or "raw");

    private static async Task<Heard> TakeAsync(Step[] steps, Seat[] seats)
    {
        Seat seat = seats[steps[0].Session];
        var heard = new List<string>();
        switch (steps[0].Operation)
        {
            case { Verb: "open" }:
                await seat.OpenAsync(heard);
                break;
            case { Verb: "drop" }:
                await seat.LeaveAsync(heard);
                break;
            case { Verb: "resume" } resume:
                await seat.ResumeAsync(resume, heard);
                break;
            default:
                foreach (Step step in steps) await seat.SendAsync(step.Operation, heard);
                await seat.ReadAsync(heard);
                break;
        }

        if (steps.Any(step => step.Operation.IsWrite || step.Operation.Verb == "raw"))
        {
            Seat[] watching = [.. seats.Where(each => each.IsConnected && each.HasWatches)];
            foreach (Seat each in watching) await each.MarkAsync(heard);
            foreach (Seat each in watching) await each.ReadAsync(heard);
        }

        // A session's ephemerals go in any order.
        if (steps.Any(step => step.Operation.Verb == "close")) SortEvents(heard);
        return new(string.Join('\n', steps.Select(ScriptText.Write)), heard);
    }

    private static void SortEvents(List<string> heard)
    {
        for (int i = 0, next; i < heard.Count; i = next)
        {
            for (next = i + 1; IsEvent(heard[i]) && next < heard.Count && IsEvent(heard[next]) && heard[next][0] == heard[i][0]; next++)
            {
            }

            heard.Sort(i, next - i, StringComparer.Ordinal);
        }
    }

    private static bool IsEvent(string line) => line.AsSpan(3).StartsWith("Node", StringComparison.Ordinal);

    private static async Task CloseAsync(Seat seat)
    {
        var unheard = new List<string>();
        await seat.SendAsync(new Operation("close"), unheard);
        await seat.ReadAsync(unheard);
        await seat.DisposeAsync();
    }
}
