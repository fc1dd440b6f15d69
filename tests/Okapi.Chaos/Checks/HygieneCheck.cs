using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>K8: who has closed leaves nothing: no ephemeral znode, no watch, nothing of a recipe.</summary>
public sealed class HygieneCheck : ICheck
{
    public string Name => "K8";

    public string Promise => "Once all clients have closed, servers have no ephemeral znode and no watch, and recipes have left nothing but containers.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        ServerWordEntry[] words = [.. evidence.Entries<ServerWordEntry>()];
        for (int server = 1; server <= evidence.Run.Servers; server++)
        {
            Require(words, server, "dump", "Sessions with Ephemerals (0)", findings);
            Require(words, server, "wchs", "Total watches:0", findings);
        }

        var tree = new ModelTree();
        var closed = new HashSet<long>();
        foreach (LoggedTransaction each in evidence.Log.Committed)
        {
            tree.Apply(each);
            if (each.Type == OpCode.CloseSession) closed.Add(each.Session);
        }

        foreach ((string path, ModelNode node) in tree.Nodes)
        {
            findings.Look();
            if (node.IsEphemeral && evidence.Sessions.ContainsKey(node.EphemeralOwner)) findings.Add($"{path} is left, an ephemeral of session 0x{node.EphemeralOwner:x}.");
            else if (!node.IsContainer && evidence.Run.RecipeRoots.Any(root => path.StartsWith(root + "/", StringComparison.Ordinal))) findings.Add($"{path} is left of a recipe.");
        }

        findings.Fact("sessions", evidence.Sessions.Count);
        findings.Fact("sessions that the log does not end", evidence.Sessions.Keys.Count(each => !closed.Contains(each)));
        return findings;
    }

    private static void Require(ServerWordEntry[] words, int server, string word, string expected, Findings findings)
    {
        findings.Look();
        if (words.LastOrDefault(each => each.Server == server && each.Word == word) is not { } answer) findings.Add($"Server {server} was not asked for \"{word}\".");
        else if (!answer.Answer.Contains(expected, StringComparison.Ordinal)) findings.Add($"Server {server} answers \"{word}\" with \"{answer.Answer.Trim()}\".", answer.Time);
    }
}
