namespace Okapi.Recipes.Nodes;

/// <summary>
/// Whether two Stats tell of the same thing. Servers that have lost data (an emptied disk, a backup) count their transactions anew, so that one zxid can be that of two transactions; the leader's clock, which is part of each, tells them apart.
/// Not so for <c>/zookeeper/config</c>: each server of Apache's writes it for itself when it starts, by its own clock (ZKDatabase.initConfigInZKDatabase).
/// </summary>
internal static class StatIdentity
{
    /// <summary>Whether the same transaction has created both.</summary>
    public static bool IsSameZnodeAs(this in Stat one, in Stat other) => (one.Czxid, one.CreatedMilliseconds) == (other.Czxid, other.CreatedMilliseconds);

    /// <summary>Whether the same transaction has written the data of both.</summary>
    public static bool IsSameWriteAs(this in Stat one, in Stat other) => (one.Mzxid, one.ModifiedMilliseconds) == (other.Mzxid, other.ModifiedMilliseconds);
}
