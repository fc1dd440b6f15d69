using System.CommandLine;
using System.CommandLine.Parsing;
using Okapi.Cli;

TextWriter screen = Console.Out; // help has lines of its own
Console.SetOut(new PrintableWriter(screen));
Console.SetError(new PrintableWriter(Console.Error));
var root = new RootCommand("Okapi: ZooKeeper on the command line") { ServeCommand.Create(), ProxyCommand.Create() };
ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (ParseError error in parsed.Errors) Console.Error.WriteLine($"okapi: {error.Message}");
    Console.Error.WriteLine("okapi: --help shows what there is.");
    return ExitCode.BadUsage;
}

// Signals are the command's own: it ends in good order and takes the time that this needs.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, Output = screen }).ConfigureAwait(false);
