namespace Okapi.Protocol;

/// <summary>One record of <c>zookeeper.jute</c>: written by one side and read by the other with the same definition.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface IJuteRecord<TSelf>
    where TSelf : IJuteRecord<TSelf>
{
    /// <summary>Appends the record.</summary>
    /// <param name="writer">Where to.</param>
    void Write(ref JuteWriter writer);

    /// <summary>Takes the record from the front of what is left.</summary>
    /// <param name="reader">Where from.</param>
    /// <returns>The record.</returns>
    /// <exception cref="ProtocolException">The bytes are not such a record.</exception>
    static abstract TSelf Read(ref JuteReader reader);
}
