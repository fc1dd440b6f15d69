using System.Globalization;
using System.Net;

namespace Okapi;

/// <summary>
/// ZooKeeper's connect string: <c>host:port,host:port/chroot</c>. The port may be left out (2181), an IPv6 address stands in brackets,
/// and the chroot, where there is one, holds for all servers.
/// </summary>
/// <param name="Servers">The servers, in the order they are written; at least one.</param>
/// <param name="Chroot">Empty, or an absolute path.</param>
public sealed record ConnectString(IReadOnlyList<ServerEndpoint> Servers, string Chroot)
{
    /// <summary>Reads a connect string.</summary>
    /// <param name="text">The text.</param>
    /// <returns>Its parts.</returns>
    /// <exception cref="ArgumentException">The text is not a connect string; the message names the part and the rule.</exception>
    public static ConnectString Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string chroot = slash < 0 ? string.Empty : text[slash..].Trim();
        if (chroot == "/") chroot = string.Empty;
        if (chroot.Length > 0 && ZnodePath.FindFault(chroot) is { } fault)
            throw Bad(text, $"its chroot \"{chroot}\" is not a znode path: {fault}");
        string[] hosts = (slash < 0 ? text : text[..slash]).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (hosts.Length == 0) throw Bad(text, "it names no server");
        return new([.. hosts.Select(host => ParseServer(text, host)).Distinct()], chroot);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', Servers) + Chroot;

    private static ServerEndpoint ParseServer(string text, string server)
    {
        string host = server;
        string? port = null;
        if (server[0] == '[')
        {
            int end = server.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || (end + 1 < server.Length && server[end + 1] != ':')) throw Bad(text, $"the address \"{server}\" has no closing bracket before its port");
            host = server[1..end];
            if (!IPAddress.TryParse(host, out _)) throw Bad(text, $"\"{host}\" is not an IPv6 address");
            port = end + 1 < server.Length ? server[(end + 2)..] : null;
        }
        else if (server.IndexOf(':', StringComparison.Ordinal) is >= 0 and int colon)
        {
            if (server.IndexOf(':', colon + 1) >= 0) throw Bad(text, $"\"{server}\" has two colons; an IPv6 address stands in brackets");
            host = server[..colon];
            port = server[(colon + 1)..];
        }

        if (host.Length == 0) throw Bad(text, $"\"{server}\" has no host");
        if (host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) throw Bad(text, $"the host \"{host}\" has white space in it");
        if (port is null) return new(host, ServerEndpoint.DefaultPort);
        if (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > 65535)
            throw Bad(text, $"the port \"{port}\" of \"{host}\" is not a number from 1 to 65535");
        return new(host, number);
    }

    private static ArgumentException Bad(string text, string why) => new($"\"{text}\" is not a connect string (host:port,host:port/chroot): {why}.", nameof(text));
}
