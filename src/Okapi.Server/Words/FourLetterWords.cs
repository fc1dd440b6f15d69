using System.Text;
using Okapi.Server.Connections;

namespace Okapi.Server.Words;

/// <summary>Answers four-letter words: what a connection may say in place of a handshake.</summary>
internal sealed class FourLetterWords(Member member)
{
    private static readonly string[] s_known = ["ruok", "srvr", "isro"];

    public static bool IsOne(ReadOnlySpan<byte> bytes) => s_known.Contains(Encoding.ASCII.GetString(bytes));

    public void Answer(ServerConnection connection, string word)
    {
        connection.SendRaw(Encoding.UTF8.GetBytes(word == "ruok" ? "imok" : member.IsReadOnly ? "ro" : "rw"));
        connection.Close();
    }
}
