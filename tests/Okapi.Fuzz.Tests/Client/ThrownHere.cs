using System.Runtime.ExceptionServices;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>
/// What is thrown on a thread while an input runs there, caught or not: an index that was out of range shows even where somebody takes it for a lost connection.
/// </summary>
internal static class ThrownHere
{
    [ThreadStatic]
    private static List<Exception>? s_thrown;

    static ThrownHere() => AppDomain.CurrentDomain.FirstChanceException += static (_, thrown) => Note(thrown);

    /// <summary>Begins to listen on this thread.</summary>
    public static void Begin() => s_thrown = [];

    /// <summary>What has been thrown so far, in a line.</summary>
    public static string SoFar => string.Join("; ", s_thrown?.Select(each => each is ProtocolException or IOException ? each.Message : each.ToString()).Distinct() ?? []);

    /// <summary>Ends it, and gives the exceptions that nobody should see.</summary>
    public static IReadOnlyList<Exception> End(Func<Exception, bool> isExpected)
    {
        List<Exception> thrown = s_thrown ?? [];
        s_thrown = null;
        return [.. thrown.Where(each => !isExpected(each))];
    }

    private static void Note(FirstChanceExceptionEventArgs thrown) => s_thrown?.Add(thrown.Exception);
}
