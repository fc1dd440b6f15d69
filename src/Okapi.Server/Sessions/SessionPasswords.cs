using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Okapi.Server.Sessions;

/// <summary>
/// The passwords by which clients resume their sessions: made from a random secret, so that nobody can guess one from another and none needs to be kept. (Apache's are made from a
/// constant.)
/// </summary>
/// <param name="secret">Random bytes; the same ones after a restart let sessions go on.</param>
internal sealed class SessionPasswords(byte[] secret)
{
    public const int Length = 16;

    public byte[] Of(long sessionId)
    {
        Span<byte> id = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(id, sessionId);
        return HMACSHA256.HashData(secret, id)[..Length];
    }

    public bool IsRight(long sessionId, ReadOnlySpan<byte> password) => CryptographicOperations.FixedTimeEquals(Of(sessionId), password);
}
