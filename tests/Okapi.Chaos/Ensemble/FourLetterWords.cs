using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Okapi.Chaos;

/// <summary>Asks servers about themselves, beside the client under test.</summary>
internal static class FourLetterWords
{
    /// <summary>The answer, or null when there is none in time.</summary>
    public static async Task<string?> TryAskAsync(IPEndPoint server, string word, TimeSpan timeout)
    {
        using var limit = new CancellationTokenSource(timeout);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var answer = new StringBuilder();
        byte[] buffer = new byte[8192];
        try
        {
            await socket.ConnectAsync(server, limit.Token);
            await socket.SendAsync(Encoding.ASCII.GetBytes(word), limit.Token);
            while (await socket.ReceiveAsync(buffer, limit.Token) is int length and > 0)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // A reset after the answer is a habit of the server's.
        }

        return answer.Length > 0 ? answer.ToString() : null;
    }

    /// <summary>The value of a line "name: value" or "name value", or null.</summary>
    public static string? Value(string? answer, string name)
    {
        foreach (string line in (answer ?? "").Split('\n'))
        {
            if (line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is (':' or '\t' or ' '))
            {
                return line[(name.Length + 1)..].Trim();
            }
        }

        return null;
    }
}
