namespace Okapi.Server.Security;

/// <summary>One login by SASL, from the server's side.</summary>
internal interface ISaslExchange
{
    /// <summary>Whether the client has proven who it is.</summary>
    bool IsComplete { get; }

    /// <summary>Who it is; of use when <see cref="IsComplete"/>.</summary>
    string User { get; }

    /// <summary>Takes a token of the client's and gives the next of the server's; null when the client is not who it says, or says nonsense.</summary>
    byte[]? Step(byte[] token);
}
