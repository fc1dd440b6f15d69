using Okapi.Protocol;

namespace Okapi.Requests;

/// <summary>One operation: how its request is written and what its reply means. Small structs, so that a call allocates nothing for them.</summary>
/// <typeparam name="TResult">What the caller gets.</typeparam>
internal interface IOperation<TResult>
{
    OpCode OpCode { get; }

    /// <summary>Whether it may be sent again after a lost connection: it changes nothing, or nothing more the second time.</summary>
    bool IsSafeToResend { get; }

    /// <summary>The caller's path, for errors; null if there is none.</summary>
    string? Path { get; }

    void Write(ref JuteWriter writer);

    /// <summary>
    /// Makes the result of a reply. Runs on the read loop before the next frame is looked at, so what it registers is there before
    /// any later event. Returns false for an error that is not an expected outcome.
    /// </summary>
    bool TryRead(ErrorCode error, ref JuteReader body, out TResult result);
}
