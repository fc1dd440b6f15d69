namespace Okapi.Conformance.Tests.Faults;

/// <summary>
/// What one znode may hold, as far as the outcomes of the operations on it tell, which were called one after another. "" stands for no znode. A definite outcome narrows it down, an unknown one widens it, and
/// one that is possible in none of the states is a violation.
/// </summary>
internal sealed class PossibleStates(string path)
{
    private HashSet<string> _states = [""];

    public string Path => path;

    /// <summary>How many writes may have been applied or not.</summary>
    public int Unknown { get; private set; }

    public async Task CreateAsync(ZooKeeperClient zk, string data) => await ApplyAsync(
        async () => await zk.CreateAsync(path, Bytes(data)),
        onSuccess: state => state.Length == 0 ? data : null,
        onRefusal: (error, state) => error is NodeExistsException && state.Length > 0);

    public async Task SetAsync(ZooKeeperClient zk, string data) => await ApplyAsync(
        async () => await zk.SetAsync(path, Bytes(data)),
        onSuccess: state => state.Length > 0 ? data : null,
        onRefusal: (error, state) => error is NoNodeException && state.Length == 0);

    public async Task DeleteAsync(ZooKeeperClient zk) => await ApplyAsync(
        async () => await zk.DeleteAsync(path),
        onSuccess: state => state.Length > 0 ? "" : null,
        onRefusal: (error, state) => error is NoNodeException && state.Length == 0);

    /// <summary>Reads it, which leaves one state; a read that was sent three times in vain tells nothing.</summary>
    public async Task ReadAsync(ZooKeeperClient zk)
    {
        NodeData? read;
        try
        {
            read = await zk.TryGetAsync(path);
        }
        catch (ConnectionLossException)
        {
            return;
        }

        string seen = read is { Data: { } data } ? System.Text.Encoding.ASCII.GetString(data) : "";
        Require(_states.Contains(seen), $"it holds \"{seen}\"");
        _states = [seen];
    }

    private static byte[] Bytes(string data) => System.Text.Encoding.ASCII.GetBytes(data);

    private async Task ApplyAsync(Func<Task> apply, Func<string, string?> onSuccess, Func<ZooKeeperException, string, bool> onRefusal)
    {
        string[] after = [.. _states.Select(onSuccess).OfType<string>()];
        try
        {
            await apply();
            Require(after.Length > 0, "a write succeeded that could not");
            _states = [.. after];
        }
        catch (ConnectionLossException lost)
        {
            if (lost.Outcome != RequestOutcome.Unknown) return;
            Unknown++;
            _states.UnionWith(after);
        }
        catch (ZooKeeperException refused) when (refused is NodeExistsException or NoNodeException)
        {
            string[] left = [.. _states.Where(state => onRefusal(refused, state))];
            Require(left.Length > 0, $"a write was refused that could not be: {refused.Message}");
            _states = [.. left];
        }
    }

    private void Require(bool isSo, string violation)
    {
        if (!isSo) throw new InvalidOperationException($"{path}, which may hold {string.Join(" or ", _states.Select(state => $"\"{state}\""))}: {violation}.");
    }
}
