namespace Okapi.Recipes;

/// <summary>A member of a group.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Data">Its data; with kazoo's names the id alone.</param>
/// <param name="Path">Its znode. Tells members apart where ids do not.</param>
/// <param name="Stat">Its znode's Stat.</param>
public sealed record GroupMember(string Id, ReadOnlyMemory<byte> Data, string Path, Stat Stat);

/// <summary>What happened to a member of a group, or to an instance of a service.</summary>
public enum MembershipChangeKind
{
    /// <summary>It is there, or there again.</summary>
    Joined = 0,

    /// <summary>It has other data.</summary>
    Changed = 1,

    /// <summary>It has gone.</summary>
    Left = 2,
}

/// <summary>A change of a group.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Member">The member as it is now; for one that has left, as it was.</param>
/// <param name="Previous">The member as it was, if it was there.</param>
public readonly record struct MembershipChange(MembershipChangeKind Kind, GroupMember Member, GroupMember? Previous);

/// <summary>How a group names its members' znodes.</summary>
public sealed record GroupOptions : RecipeOptions
{
    /// <summary>With kazoo's names: as its ShallowParty, which has the id in the name (<c>GUID-id</c>), and not as its Party, which has it in the data (<c>GUID__party__</c>).</summary>
    public bool IsShallow { get; set; }
}
