using System.Text;

namespace Okapi.State;

/// <summary>Where a state lies: zkstate's layout.</summary>
internal sealed class StatePaths
{
    public StatePaths(string chroot, string directory, string id)
    {
        ZnodePath.Validate(directory);
        Directory = directory;
        Payload = ZnodePath.Combine(directory, "payload");
        Listeners = ZnodePath.Combine(directory, "listeners");
        Listener = ZnodePath.Combine(Listeners, id);
        WriteLock = ZnodePath.Combine(directory, "write_lock");
        LongestLength = Encoding.UTF8.GetByteCount(chroot) + Encoding.UTF8.GetByteCount(WriteLock) + 64;
    }

    public string Directory { get; }

    /// <summary>The value, as JSON.</summary>
    public string Payload { get; }

    /// <summary>An ephemeral znode for each instance that is open.</summary>
    public string Listeners { get; }

    /// <summary>This instance's own.</summary>
    public string Listener { get; }

    public string WriteLock { get; }

    /// <summary>No path in a transaction has more bytes, the lock's own znode included.</summary>
    public int LongestLength { get; }
}
