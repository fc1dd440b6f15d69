using Okapi.Protocol;

namespace Okapi;

/// <summary>One identity that the server gives a connection.</summary>
/// <param name="Scheme">The authentication scheme.</param>
/// <param name="User">Who; an address for <c>ip</c>.</param>
public sealed record ClientInfo(string Scheme, string User) : IJuteRecord<ClientInfo>
{
    internal const int MinimumSize = 8;

    /// <inheritdoc/>
    public static ClientInfo Read(ref JuteReader reader) => new(reader.ReadString() ?? string.Empty, reader.ReadString() ?? string.Empty);

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteString(Scheme);
        writer.WriteString(User);
    }
}
