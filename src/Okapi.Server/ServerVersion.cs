using Okapi.Protocol;

namespace Okapi.Server;

/// <summary>A version of Apache ZooKeeper whose operations and quirks a server shows.</summary>
public enum ServerVersion
{
    /// <summary>3.4: no create2, containers, times to live, removal of watches, persistent watches or batched reads.</summary>
    V34 = 34,

    /// <summary>3.5: no persistent watches (addWatch, setWatches2), batched reads, getEphemerals or getAllChildrenNumber.</summary>
    V35 = 35,

    /// <summary>3.8.0: everything, with one watch mode for each path of a connection, which the last one asked for replaces (ZOOKEEPER-4466).</summary>
    V38 = 38,

    /// <summary>3.9: everything. The default.</summary>
    V39 = 39,
}

/// <summary>What follows from a version.</summary>
internal static class ServerVersions
{
    /// <summary>Whether a server of this version knows an operation.</summary>
    public static bool Knows(this ServerVersion version, OpCode type) => type switch
    {
        OpCode.Create or OpCode.Delete or OpCode.Exists or OpCode.GetData or OpCode.SetData or OpCode.GetAcl or OpCode.SetAcl or OpCode.GetChildren or OpCode.Sync or OpCode.Ping
            or OpCode.GetChildren2 or OpCode.Multi or OpCode.Auth or OpCode.SetWatches or OpCode.Sasl or OpCode.CreateSession or OpCode.CloseSession => true,
        OpCode.Check => version < ServerVersion.V39, // 3.9 takes it in transactions only
        OpCode.Create2 or OpCode.Reconfig or OpCode.CheckWatches or OpCode.RemoveWatches or OpCode.CreateContainer or OpCode.DeleteContainer or OpCode.CreateTtl => version >= ServerVersion.V35,
        OpCode.MultiRead or OpCode.GetEphemerals or OpCode.GetAllChildrenNumber or OpCode.SetWatches2 or OpCode.AddWatch or OpCode.WhoAmI => version >= ServerVersion.V38,
        _ => false,
    };
}
