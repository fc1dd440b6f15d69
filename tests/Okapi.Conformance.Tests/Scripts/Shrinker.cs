namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Makes a script on which two servers differ as short and plain as it gets while they still differ.</summary>
/// <param name="differs">Whether the servers differ on a script.</param>
/// <param name="tries">How many scripts are tried at most.</param>
public sealed class Shrinker(Func<Script, Task<bool>> differs, int tries = 300)
{
    /// <summary>How many scripts were tried.</summary>
    public int Tried { get; private set; }

    public async Task<Script> ShrinkAsync(Script script)
    {
        while (true)
        {
            Script before = script;
            script = await RemoveStepsAsync(script);
            script = await SimplifyStepsAsync(script);
            if (Tried == tries || ReferenceEquals(before, script)) return script;
        }
    }

    // Ever smaller pieces are left out: delta debugging, as described by Zeller and Hildebrandt (2002), less its search among complements of complements.
    private async Task<Script> RemoveStepsAsync(Script script)
    {
        for (int size = Math.Max(1, script.Steps.Count / 2); ; size /= 2)
        {
            for (int end = script.Steps.Count; end > 0 && script.Steps.Count > 1;)
            {
                int start = Math.Max(0, end - size);
                Script shorter = new([.. script.Steps.Take(start), .. script.Steps.Skip(end)]);
                if (shorter.Steps.Count > 0 && await DiffersAsync(shorter)) script = shorter;
                end = start;
            }

            if (size <= 1) return script;
        }
    }

    private async Task<Script> SimplifyStepsAsync(Script script)
    {
        for (int i = 0; i < script.Steps.Count; i++)
        {
            foreach (Func<Step, IEnumerable<Step>> way in (Func<Step, IEnumerable<Step>>[])[Awaited, Plainer])
            {
                for (bool simpler = true; simpler;)
                {
                    simpler = false;
                    foreach (Step candidate in way(script.Steps[i]).ToArray())
                    {
                        Script changed = new([.. script.Steps.Take(i), candidate, .. script.Steps.Skip(i + 1)]);
                        if (!await DiffersAsync(changed)) continue;
                        script = changed;
                        simpler = true;
                        break;
                    }
                }
            }
        }

        return script;
    }

    private async Task<bool> DiffersAsync(Script script)
    {
        if (Tried == tries) return false;
        Tried++;
        return await differs(script);
    }

    private static IEnumerable<Step> Awaited(Step step)
    {
        if (step.Unawaited) yield return step with { Unawaited = false };
        if (step.Session > 0) yield return step with { Session = 0 };
    }

    private static IEnumerable<Step> Plainer(Step step) => Plainer(step.Operation).Select(operation => step with { Operation = operation });

    private static IEnumerable<Operation> Plainer(Operation operation)
    {
        for (int i = 0; i < operation.Parts.Count; i++) yield return operation with { Parts = [.. operation.Parts.Take(i), .. operation.Parts.Skip(i + 1)] };
        if (operation.Cut > 0) yield return operation with { Cut = 0 };
        if (operation.Pad > 0) yield return operation with { Pad = 0 };
        if (operation.Watch) yield return operation with { Watch = false };
        if (operation.Acl != "open") yield return operation with { Acl = "open" };
        if (operation.Version != -1) yield return operation with { Version = -1 };
        if (operation.Since != 0) yield return operation with { Since = 0 };
        if (operation.Data is not null && operation.Verb is not ("raw" or "auth")) yield return operation with { Data = null };
        if (operation.Number != 0 && operation.Verb is "create" or "create2" or "addWatch") yield return operation with { Number = 0 };
        if (operation.Verb == "create2") yield return operation with { Verb = "create" };
        if (operation.Path is { Length: > 3 } path && path[0] == '~' && path.LastIndexOf('/') > 1) yield return operation with { Path = path[..path.LastIndexOf('/')] };
        for (int i = 0; i < operation.Parts.Count; i++)
        {
            foreach (Operation part in Plainer(operation.Parts[i])) yield return operation with { Parts = [.. operation.Parts.Take(i), part, .. operation.Parts.Skip(i + 1)] };
        }
    }
}
