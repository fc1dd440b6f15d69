using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Sessions;

/// <summary>Asks the server to end the session.</summary>
internal readonly struct CloseOperation : IOperation<bool>
{
    public OpCode OpCode => OpCode.CloseSession;

    public bool IsSafeToResend => false;

    public string? Path => null;

    public void Write(ref JuteWriter writer)
    {
    }

    public bool TryRead(ErrorCode error, ref JuteReader body, out bool result) => result = true;
}
