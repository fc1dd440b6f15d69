namespace Okapi.Server.Security;

/// <summary>Who a connection has proven to be, in one scheme.</summary>
internal readonly record struct Identity(string Scheme, string Id)
{
    public static Identity Super { get; } = new("super", string.Empty);

    /// <summary>A digest's hash is as good as a password to guess from.</summary>
    public override string ToString() => Scheme == "digest" ? $"{Scheme}:{User}" : $"{Scheme}:{Id}";

    /// <summary>The name alone, without what proves it.</summary>
    public string User => Scheme == "digest" && Id.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? Id[..colon] : Id;
}
