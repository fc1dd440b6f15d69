namespace Okapi.Security;

/// <summary>
/// A SASL exchange cannot go on. The message names the rule that was broken, and never quotes
/// the peer's bytes or the client's secrets, so that it may be logged as it is.
/// </summary>
internal sealed class SaslException(string message, Exception? innerException = null) : Exception(message, innerException);
