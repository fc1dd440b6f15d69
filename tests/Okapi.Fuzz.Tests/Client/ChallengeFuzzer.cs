using System.Text;
using Okapi.Fuzz.Tests.Records;
using Okapi.Security;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>Spoils what a server says in SASL DIGEST-MD5.</summary>
internal static class ChallengeFuzzer
{
    public const string Name = "F2-sasl";

    private static readonly string[] Challenges =
    [
        "realm=\"zk-sasl-md5\",nonce=\"2vqJ/aXF0Bv9h\",qop=\"auth\",charset=utf-8,algorithm=md5-sess",
        "nonce=\"\\\"q\\\\\",algorithm=md5-sess",
        "realm=\"a\",realm=\"b\",nonce=\"n\",qop=\"auth,auth-int\",maxbuf=65536,cipher=\"rc4\",algorithm=md5-sess",
        "rspauth=00112233445566778899aabbccddeeff",
    ];

    public static void Run(ulong seed)
    {
        var luck = new Luck(seed);
        List<byte> bytes = [.. Encoding.ASCII.GetBytes(luck.Pick(Challenges))];
        for (int times = luck.Below(4); times > 0 && bytes.Count > 0; times--) RecordFuzzer.Spoil(luck, bytes);
        Run([(byte)luck.Below(Challenges.Length), .. bytes]);
    }

    /// <summary>Runs an input as it is: the number of the sound challenge that comes second, and the first.</summary>
    public static void Run(byte[] input)
    {
        ThrownHere.Begin();
        bool isTaken = IsTaken(input);
        IReadOnlyList<Exception> odd = ThrownHere.End(static each => each is SaslException or DecoderFallbackException);
        if (odd.Count > 0) throw new FuzzException($"Something threw {odd[0]}", input);
        if (isTaken) throw new FuzzException("A server without the password has proved that it knows it.", input);
    }

    private static bool IsTaken(byte[] input)
    {
        using var mechanism = new DigestMd5Mechanism("ann", "of-ann");
        mechanism.Start();
        try
        {
            mechanism.Respond(input.AsSpan(1).ToArray());
            mechanism.Respond(Encoding.ASCII.GetBytes(Challenges[input[0]]));
            return true;
        }
        catch (SaslException)
        {
            return false; // as it has to be in the end
        }
        catch (Exception)
        {
            return false; // something odd, which is told
        }
    }
}
