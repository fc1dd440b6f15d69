using System.Runtime.CompilerServices;
using Okapi.Recipes.Membership;

namespace Okapi.Recipes;

/// <summary>A group: an ephemeral znode for each member below the group's own, with the member's data. Curator's GroupMember, or kazoo's Party and ShallowParty.</summary>
public sealed class Group : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly MemberNames _names;

    internal Group(ZooKeeperClient zk, string path, string? memberId, ReadOnlyMemory<byte> data, GroupOptions options)
    {
        ZnodePath.Validate(path);
        (_zk, Path, MemberId) = (zk, path, memberId);
        _names = new(options.Naming, options.IsShallow);
        if (memberId is not null) Membership = new(zk, ZnodePath.Combine(path, _names.NameOf(memberId)), _names.DataOf(memberId, data), options);
    }

    /// <summary>The group's znode.</summary>
    public string Path { get; }

    /// <summary>The id under which this object is a member; null if it only looks.</summary>
    public string? MemberId { get; }

    /// <summary>The znode that makes this object a member; null if it only looks. Joining begins at once; <see cref="EphemeralNode.WaitHeldAsync"/> waits for it.</summary>
    public EphemeralNode? Membership { get; }

    /// <summary>Who is a member now.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The members, in the order of their ids.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<IReadOnlyList<GroupMember>> GetMembersAsync(CancellationToken cancellationToken = default)
    {
        IReadOnlyList<Child> children = await Children.ReadAsync(_zk, Path, cancellationToken).ConfigureAwait(false);
        return [.. children.Where(child => _names.IsMember(child.Name)).Select(child => _names.ToMember(Path, child)).OrderBy(member => member.Id, StringComparer.Ordinal)];
    }

    /// <summary>
    /// The members that are there, as joined, and then each change. Applied one after another the changes give the members; what is missed while the connection is away comes after it, as the
    /// difference. States in between may be passed over.
    /// </summary>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>The changes; every reader has a stream of its own.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async IAsyncEnumerable<MembershipChange> ChangesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (IReadOnlyList<ChildChange> changes in Children.FollowAsync(_zk, Path, cancellationToken).ConfigureAwait(false))
        {
            foreach (ChildChange change in changes.Where(change => _names.IsMember(change.Child.Name)))
                yield return new(change.Kind, _names.ToMember(Path, change.Child), change.Previous is { } previous ? _names.ToMember(Path, previous) : null);
        }
    }

    /// <summary>Leaves the group.</summary>
    /// <returns>As <see cref="EphemeralNode.DisposeAsync"/>.</returns>
    public ValueTask DisposeAsync() => Membership?.DisposeAsync() ?? default;
}
