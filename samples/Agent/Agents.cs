using System.Text.Json.Serialization;

namespace Okapi.Samples.Agent;

/// <summary>What the agents and whoever directs them share.</summary>
/// <param name="Globs">Which processes to look for: names, with * and ?.</param>
/// <param name="IsOver">Whether the agents are to end.</param>
public sealed record Agents(IReadOnlyList<string> Globs, bool IsOver = false)
{
    /// <summary>Where it lies.</summary>
    public const string Path = "/agents/web";

    /// <summary>What it begins with.</summary>
    public static Agents Initial { get; } = new(["systemd*", "rsync*"]);
}

/// <summary>How it is written, made when this is compiled.</summary>
[JsonSerializable(typeof(Agents))]
internal sealed partial class Json : JsonSerializerContext;
