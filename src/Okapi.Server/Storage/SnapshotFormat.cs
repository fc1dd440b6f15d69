using Okapi.Protocol;

namespace Okapi.Server.Storage;

/// <summary>
/// The constants of a snapshot: a header; the sessions with their timeouts; ACLs, each with a number; znodes, each a path and a record, a parent before its children, the root's path being empty;
/// the path "/", which ends them; a checksum of it all; and "/" once more (Apache's FileSnap, DataTree and SnapStream). Apache 3.6 and later add parts that are not needed, each with a checksum of its own.
/// </summary>
internal static class SnapshotFormat
{
    public const int Magic = ('Z' << 24) | ('K' << 16) | ('S' << 8) | 'N', Version = 2, HeaderSize = 16;

    public const int SessionSize = 12;

    /// <summary>What a znode's record has after its data: the number of its ACL and its Stat.</summary>
    public const int NodeTailSize = 8 + 60;

    /// <summary>The ACL that everyone may do everything (ReferenceCountedACLCache).</summary>
    public const long OpenAcl = -1;

    /// <summary>What stands where no further znode comes.</summary>
    public const string End = "/";
}
