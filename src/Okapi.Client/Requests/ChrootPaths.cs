namespace Okapi.Requests;

/// <summary>Turns the server's paths into the caller's. The other way is <see cref="Protocol.WirePath"/>, which joins while it encodes.</summary>
internal static class ChrootPaths
{
    /// <summary>Cuts the chroot off a path that lies below it; a path outside (such as <c>/zookeeper/config</c>) stays as it is.</summary>
    public static string ToClient(string path, string chroot)
    {
        if (chroot.Length == 0 || !ZnodePath.IsSameOrBelow(path, chroot)) return path;
        return path.Length == chroot.Length ? "/" : path[chroot.Length..];
    }

    public static string[] ToClient(string[] paths, string chroot) =>
        [.. paths.Where(path => ZnodePath.IsSameOrBelow(path, chroot)).Select(path => ToClient(path, chroot))];

    public static string ToServer(string path, string chroot) => new Protocol.WirePath(chroot, path).ToString();
}
