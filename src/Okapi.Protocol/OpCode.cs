namespace Okapi.Protocol;

/// <summary>What a request asks for. The numbers are the wire's (<c>ZooDefs.OpCode</c> in Apache ZooKeeper).</summary>
public enum OpCode
{
    /// <summary>Nothing; also the mark of a watch notification.</summary>
    Notification = 0,

    /// <summary>Create a znode.</summary>
    Create = 1,

    /// <summary>Delete a znode.</summary>
    Delete = 2,

    /// <summary>Ask for a znode's Stat.</summary>
    Exists = 3,

    /// <summary>Read a znode's data.</summary>
    GetData = 4,

    /// <summary>Write a znode's data.</summary>
    SetData = 5,

    /// <summary>Read a znode's ACL.</summary>
    GetAcl = 6,

    /// <summary>Write a znode's ACL.</summary>
    SetAcl = 7,

    /// <summary>List a znode's children.</summary>
    GetChildren = 8,

    /// <summary>Bring the connected server up to the leader.</summary>
    Sync = 9,

    /// <summary>Keep the session alive.</summary>
    Ping = 11,

    /// <summary>List a znode's children, with its Stat.</summary>
    GetChildren2 = 12,

    /// <summary>Check a version; only inside <see cref="Multi"/> (a bare one is never answered by ZooKeeper 3.8.0).</summary>
    Check = 13,

    /// <summary>A transaction.</summary>
    Multi = 14,

    /// <summary>Create a znode and return its Stat (3.5).</summary>
    Create2 = 15,

    /// <summary>Change the ensemble's members (3.5).</summary>
    Reconfig = 16,

    /// <summary>Ask whether a watch exists (3.5).</summary>
    CheckWatches = 17,

    /// <summary>Remove watches (3.5).</summary>
    RemoveWatches = 18,

    /// <summary>Create a container znode (3.5.3).</summary>
    CreateContainer = 19,

    /// <summary>Delete an empty container; only servers send it.</summary>
    DeleteContainer = 20,

    /// <summary>Create a znode with a time to live (3.5.3).</summary>
    CreateTtl = 21,

    /// <summary>Several reads in one request (3.6).</summary>
    MultiRead = 22,

    /// <summary>Authenticate the connection.</summary>
    Auth = 100,

    /// <summary>Re-arm one-shot watches after a reconnect.</summary>
    SetWatches = 101,

    /// <summary>A step of a SASL exchange.</summary>
    Sasl = 102,

    /// <summary>List this session's ephemeral znodes (3.6).</summary>
    GetEphemerals = 103,

    /// <summary>Count a subtree (3.6).</summary>
    GetAllChildrenNumber = 104,

    /// <summary>Re-arm watches of every kind after a reconnect (3.6).</summary>
    SetWatches2 = 105,

    /// <summary>Add a persistent watch (3.6).</summary>
    AddWatch = 106,

    /// <summary>Ask who the server takes this connection for (3.7).</summary>
    WhoAmI = 107,

    /// <summary>Open a session; never sent as a request.</summary>
    CreateSession = -10,

    /// <summary>End the session.</summary>
    CloseSession = -11,

    /// <summary>An error inside a transaction's result.</summary>
    Error = -1,
}
