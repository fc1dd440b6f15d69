using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

// Short enough that all of them end within three minutes, and in this process: a project built for each would have to restore packages
// under this repository's rules. Arguments overrule it, as in: --iterationCount 30 --filter '*Codec*'.
Job job = Job.Default
    .WithToolchain(InProcessEmitToolchain.Instance)
    .WithWarmupCount(3)
    .WithIterationCount(5)
    .WithIterationTime(TimeInterval.FromMilliseconds(120))
    .WithId("Short");
ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
    .AddJob(job.AsDefault())
    .AddDiagnoser(MemoryDiagnoser.Default)
    .HideColumns(Column.Job, Column.Toolchain, Column.IterationCount, Column.IterationTime, Column.WarmupCount, Column.InvocationCount, Column.UnrollFactor, Column.Error);
string[] asked = args.Length == 0 ? ["--filter", "*"] : args;
return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(asked, config).Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
