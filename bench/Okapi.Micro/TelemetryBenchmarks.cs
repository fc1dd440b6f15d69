#pragma warning disable CA1822 // the harness calls instance methods
using BenchmarkDotNet.Attributes;

namespace Okapi.Micro;

/// <summary>What tracing and metrics cost each call while nobody listens.</summary>
public class TelemetryBenchmarks
{
    [Benchmark(Description = "does anybody listen?")]
    public bool ObservesOperations() => Telemetry.ObservesOperations;
}
