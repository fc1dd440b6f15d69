namespace Okapi.Simulation;

/// <summary>Something that was promised did not hold.</summary>
internal sealed class ViolationException(string message) : Exception(message);
