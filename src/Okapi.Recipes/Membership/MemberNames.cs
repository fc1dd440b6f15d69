using System.Text;

namespace Okapi.Recipes.Membership;

/// <summary>Where a member's id is: in its znode's name, or in its data.</summary>
internal sealed class MemberNames(NodeNaming naming, bool isShallow)
{
    /// <summary>What kazoo's Party has in the names of its members.</summary>
    private const string PartyMark = "__party__";

    private bool IsParty => naming == NodeNaming.Kazoo && !isShallow;

    /// <summary>The name of the znode of a member who joins.</summary>
    public string NameOf(string id) => (naming, isShallow) switch
    {
        (NodeNaming.Kazoo, true) => $"{Guid.NewGuid():N}-{id}",
        (NodeNaming.Kazoo, false) => $"{Guid.NewGuid():N}{PartyMark}",
        _ => id,
    };

    /// <summary>The data of that znode; kazoo's has room for the id alone.</summary>
    public ReadOnlyMemory<byte> DataOf(string id, ReadOnlyMemory<byte> data)
    {
        if (naming != NodeNaming.Kazoo) return data;
        if (!data.IsEmpty) throw new ArgumentException("Members of kazoo's parties have no data beside their id.", nameof(data));
        return Encoding.UTF8.GetBytes(id);
    }

    /// <summary>Whether a child of the group is a member.</summary>
    public bool IsMember(string name) => !IsParty || name.Contains(PartyMark, StringComparison.Ordinal);

    public GroupMember ToMember(string group, Child child) =>
        new(IdOf(child), child.Node.Data, ZnodePath.Combine(group, child.Name), child.Node.Stat);

    private string IdOf(Child child)
    {
        if (IsParty) return Encoding.UTF8.GetString(child.Node.Data);
        return naming == NodeNaming.Kazoo ? ShallowIdOf(child.Name) : child.Name;
    }

    /// <summary>What follows the first hyphen, as kazoo reads it; the whole name if there is none.</summary>
    public static string ShallowIdOf(string name) => name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..];
}
