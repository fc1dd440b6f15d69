using System.Net.Sockets;
using System.Runtime.InteropServices;
using Okapi.Server;

namespace Okapi.Cli;

/// <summary>Serves until a signal ends it.</summary>
internal static class Serving
{
    public static async Task<int> RunAsync(EmbeddedServerOptions options, TextWriter output, TextWriter error)
    {
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Before the start, which may take a while with much data. The first signal is a wish to end in good order; a second one ends it at once.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        void End(PosixSignalContext signal) => signal.Cancel = signalled.TrySetResult();

        using var log = new ErrorLog(error);
        options.LoggerFactory = log;
        EmbeddedServer server;
        try
        {
            server = await EmbeddedServer.StartAsync(options).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is SocketException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync(refused is SocketException ? $"okapi: {options.Listen} cannot be listened on: {refused.Message}" : $"okapi: {refused.Message}").ConfigureAwait(false);
            return ExitCode.Failed;
        }
        catch (ArgumentException invalid)
        {
            await error.WriteLineAsync($"okapi: {invalid.Message}").ConfigureAwait(false);
            return ExitCode.BadUsage;
        }

        await using (server.ConfigureAwait(false))
        {
            string data = options.DataFolder is { } folder ? $", data in {folder}" : string.Empty;
            await output.WriteLineAsync($"okapi: serving ZooKeeper's protocol on {server.ConnectionString}{data}").ConfigureAwait(false);
            await Task.WhenAny(signalled.Task, server.Completion).ConfigureAwait(false);
        }

        return server.Completion.IsFaulted ? ExitCode.Failed : ExitCode.Ok; // why, the log has said
    }
}
