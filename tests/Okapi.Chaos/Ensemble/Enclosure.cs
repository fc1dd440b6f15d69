namespace Okapi.Chaos;

/// <summary>
/// Namespaces of this run's own, for network, mounts and processes. All that the run makes in them (interfaces, named
/// namespaces, servers, child processes) ends with its first process, however that ends: the kernel cleans up, also
/// after a kill -9 of the run. The machine's own network is not touched.
/// </summary>
internal static class Enclosure
{
    private const string Mark = "OKAPI_CHAOS_ENCLOSED";

    public static bool IsInside => Environment.GetEnvironmentVariable(Mark) == "1";

    /// <summary>Runs this program again inside. Returns, with the reason, only where that cannot be done.</summary>
    public static async Task<string> EnterAsync(IReadOnlyList<string> arguments)
    {
        string[] spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
        // Who is not root becomes it inside, where the kernel lets users have namespaces.
        if (!Environment.IsPrivilegedProcess)
        {
            spaces = ["--user", "--map-root-user", .. spaces];
        }

        if (!OperatingSystem.IsLinux())
        {
            return "there are network namespaces on Linux only";
        }

        if (await Command.TryRunAsync("ip", "-V") is string noTool)
        {
            return $"\"ip\" (package iproute2) does not run: {noTool}";
        }

        // Not only the namespaces: whether an interface pair and a bridge can be made in them shows only by making them.
        const string Trial = "mount -t tmpfs none /run && mkdir /run/netns && ip netns add trial && ip link add trial0 type bridge"
            + " && ip link add trial1 type veth peer name eth0 netns trial";
        if (await Command.TryRunAsync("unshare", [.. spaces, "sh", "-ec", Trial]) is string fault)
        {
            return $"no namespaces can be made here: {fault}";
        }

        Environment.SetEnvironmentVariable(Mark, "1");
        // The runtime's own copy is not the one an exec hands on.
        return Native.Become("unshare", [.. spaces, "env", $"{Mark}=1", Environment.ProcessPath!, .. arguments]).Message;
    }
}
