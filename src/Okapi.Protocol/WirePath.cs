namespace Okapi.Protocol;

/// <summary>
/// A path as it goes over the wire: a chroot and the path below it. The two are joined while they are encoded,
/// so a client with a chroot allocates no string per operation.
/// </summary>
/// <param name="Chroot">Empty, or an absolute path without a trailing slash.</param>
/// <param name="Path">An absolute path as the caller gave it.</param>
/// <param name="KeepsSlash">Whether the root of the chroot keeps its slash: a sequential name that is all number belongs below the chroot, not beside it.</param>
public readonly record struct WirePath(string Chroot, string Path, bool KeepsSlash = false)
{
    /// <summary>A path without a chroot.</summary>
    /// <param name="path">The path.</param>
    public static implicit operator WirePath(string path) => new(string.Empty, path);

    /// <summary>A path without a chroot.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The path.</returns>
    public static WirePath FromString(string path) => path;

    /// <summary>The whole path, as the server knows it.</summary>
    /// <returns>The path.</returns>
    public override string ToString() => Chroot.Length == 0 ? Path : Path.Length == 1 && !KeepsSlash ? Chroot : Chroot + Path;
}
