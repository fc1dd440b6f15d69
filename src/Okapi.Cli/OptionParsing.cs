using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Okapi.Server;

namespace Okapi.Cli;

/// <summary>How the values of options are read. Whatever is wrong, the message names the option, the value and the rule; the values of secrets it does not name.</summary>
internal static class OptionParsing
{
    public static Func<ArgumentResult, int> Number(int least, int most) => result =>
    {
        if (int.TryParse(One(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most) return value;
        return Refuse<int>(result, most == int.MaxValue ? $"a whole number from {least} is needed" : $"a whole number from {least} to {most} is needed");
    };

    public static IPEndPoint? EndPoint(ArgumentResult result)
    {
        string text = One(result);
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "127.0.0.1" : text[..colon];
        if (!ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            return Refuse<IPEndPoint>(result, "address:port is needed, with a port from 0 to 65535");
        if (host == "localhost") return new(IPAddress.Loopback, port);
        bool isBare = host.Contains(':', StringComparison.Ordinal) && host[0] != '[';
        return !isBare && IPAddress.TryParse(host, out IPAddress? address)
            ? new(address, port)
            : Refuse<IPEndPoint>(result, "address:port is needed, with an address in numbers (one of IPv6 in brackets) or localhost");
    }

    public static ServerVersion? Version(ArgumentResult result) => One(result) switch
    {
        "3.4" => ServerVersion.V34,
        "3.5" => ServerVersion.V35,
        "3.8" => ServerVersion.V38,
        "3.9" => ServerVersion.V39,
        _ => Refuse<ServerVersion?>(result, "one of 3.4, 3.5, 3.8 and 3.9 is needed"),
    };

    public static TimeSpan Duration(ArgumentResult result) => Read(result, Units.Duration);

    public static long? OptionalSize(ArgumentResult result) => Read(result, Units.Size);

    public static long Bandwidth(ArgumentResult result) => Read(result, Units.Bandwidth);

    public static double Share(ArgumentResult result) => Read(result, Units.Share);

    public static FaultDirection? Direction(ArgumentResult result) => Read(result, Units.Direction);

    public static string? Text(ArgumentResult result) => One(result) is { } text && !string.IsNullOrWhiteSpace(text) ? text : Refuse<string>(result, "it is empty");

    public static string[]? Words(ArgumentResult result)
    {
        string[] words = One(result).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return Array.TrueForAll(words, word => word is "*" or { Length: 4 }) ? words : Refuse<string[]>(result, "words of four letters with commas between them are needed, or *");
    }

    public static string? FirstLine(ArgumentResult result)
    {
        if (Lines(result) is not { } lines) return null;
        return lines is [{ Length: > 0 } first, ..] ? first : Refuse<string>(result, "the first line of this file is empty");
    }

    public static Dictionary<string, string>? Users(ArgumentResult result)
    {
        if (Lines(result) is not { } lines) return null;
        var users = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((int index, string line) in lines.Index().Where(each => each.Item.Length > 0))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) return Refuse<Dictionary<string, string>>(result, $"line {index + 1} of this file is not user:password");
            users[line[..colon]] = line[(colon + 1)..];
        }

        return users;
    }

    private static string[]? Lines(ArgumentResult result)
    {
        try
        {
            return File.ReadAllLines(One(result));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Refuse<string[]>(result, $"this file cannot be read: {error.Message}");
        }
    }

    private static T? Read<T>(ArgumentResult result, Func<string, T> read)
    {
        try
        {
            return read(One(result));
        }
        catch (FormatException wrong)
        {
            result.AddError($"{Name(result)} {wrong.Message}");
            return default;
        }
    }

    private static string One(ArgumentResult result) => result.Tokens[0].Value;

    private static T? Refuse<T>(ArgumentResult result, string rule)
    {
        result.AddError($"{Name(result)} {result.Tokens[0].Value}: {rule}");
        return default;
    }

    private static string Name(ArgumentResult result) => result.Parent is OptionResult parent ? parent.Option.Name : "the argument";
}
