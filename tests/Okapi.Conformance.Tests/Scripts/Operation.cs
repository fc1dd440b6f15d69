using Okapi.Protocol;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>
/// One thing that a session of a script does: a request, or something with its connection (open, drop, resume). Which of the members matter
/// follows from <see cref="Verb"/>. Paths that begin with <c>~</c> lie below the script's own root; all others go over the wire as they are.
/// </summary>
public sealed record Operation(string Verb, string? Path = null)
{
    /// <summary>The requests, by the names that ZooKeeper gives them.</summary>
    public static IReadOnlyDictionary<string, OpCode> Requests { get; } = new Dictionary<string, OpCode>(StringComparer.Ordinal)
    {
        ["create"] = OpCode.Create,
        ["create2"] = OpCode.Create2,
        ["createContainer"] = OpCode.CreateContainer,
        ["createTTL"] = OpCode.CreateTtl,
        ["delete"] = OpCode.Delete,
        ["setData"] = OpCode.SetData,
        ["setACL"] = OpCode.SetAcl,
        ["multi"] = OpCode.Multi,
        ["check"] = OpCode.Check, // inside multi only: alone it spoils the log of 3.8.0
        ["getData"] = OpCode.GetData,
        ["exists"] = OpCode.Exists,
        ["getChildren"] = OpCode.GetChildren,
        ["getChildren2"] = OpCode.GetChildren2,
        ["getACL"] = OpCode.GetAcl,
        ["getEphemerals"] = OpCode.GetEphemerals,
        ["getAllChildrenNumber"] = OpCode.GetAllChildrenNumber,
        ["multiRead"] = OpCode.MultiRead,
        ["sync"] = OpCode.Sync,
        ["whoAmI"] = OpCode.WhoAmI,
        ["ping"] = OpCode.Ping,
        ["addWatch"] = OpCode.AddWatch,
        ["checkWatches"] = OpCode.CheckWatches,
        ["removeWatches"] = OpCode.RemoveWatches,
        ["setWatches"] = OpCode.SetWatches,
        ["setWatches2"] = OpCode.SetWatches2,
        ["auth"] = OpCode.Auth,
        ["close"] = OpCode.CloseSession,
        ["raw"] = OpCode.Notification, // Number says which
    };

    /// <summary>What to write; for <c>raw</c>, the body as hexadecimal digits; for <c>auth</c>, scheme:credential.</summary>
    public string? Data { get; init; }

    /// <summary>A create's flags, addWatch's mode, checkWatches' and removeWatches' type, raw's opcode.</summary>
    public int Number { get; init; }

    public long Ttl { get; init; }

    /// <summary>A name of <see cref="Acls"/>.</summary>
    public string Acl { get; init; } = "open";

    public int Version { get; init; } = -1;

    public bool Watch { get; init; }

    /// <summary>For setWatches: as of which zxid. 0; or -n: the script's n-th write before the last; or 1: far in the future.</summary>
    public int Since { get; init; }

    /// <summary>The operations of a multi; for setWatches, the lists.</summary>
    public IReadOnlyList<Operation> Parts { get; init; } = [];

    /// <summary>How many bytes of the body are left out at its end.</summary>
    public int Cut { get; init; }

    /// <summary>How many bytes follow the body.</summary>
    public int Pad { get; init; }

    public bool IsRequest => Requests.ContainsKey(Verb);

    public bool IsCreate => Verb.StartsWith("create", StringComparison.Ordinal);

    /// <summary>Whether the server takes a zxid for it.</summary>
    public bool IsWrite => IsCreate || Verb is "delete" or "setData" or "setACL" or "multi" or "close";

    /// <summary>Whether it may leave a watch on its connection.</summary>
    public bool MayWatch => Watch || Verb is "addWatch" or "setWatches" or "setWatches2";

    /// <summary>Whether it is about what all scripts on a server share, so that others can be seen in its answer.</summary>
    public bool IsGlobal => Path is "/" or "";
}

/// <summary>What one of the sessions does.</summary>
/// <param name="Session">Which session, from 0.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Unawaited">Whether the next step, if it is a request of the same session, is sent before this one's reply is read.</param>
public sealed record Step(int Session, Operation Operation, bool Unawaited = false);

/// <summary>What three sessions do, one step after another.</summary>
public sealed record Script(IReadOnlyList<Step> Steps)
{
    public const int Sessions = 3;

    public override string ToString() => ScriptText.Write(this);
}
