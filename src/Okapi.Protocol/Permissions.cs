namespace Okapi;

/// <summary>What an ACL entry allows. The numbers are the wire's.</summary>
[Flags]
public enum Permissions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Read the data and list the children.</summary>
    Read = 1,

    /// <summary>Change the data.</summary>
    Write = 2,

    /// <summary>Create children.</summary>
    Create = 4,

    /// <summary>Delete children.</summary>
    Delete = 8,

    /// <summary>Change the ACL.</summary>
    Admin = 16,

    /// <summary>All of these.</summary>
    All = Read | Write | Create | Delete | Admin,
}
