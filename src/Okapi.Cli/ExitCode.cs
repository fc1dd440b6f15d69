namespace Okapi.Cli;

/// <summary>What the program ends with; scripts may rely on it.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>It was asked rightly and could not do it; one line on the standard error says why.</summary>
    public const int Failed = 1;

    /// <summary>It was asked for what cannot be; the lines on the standard error name the value and the rule.</summary>
    public const int BadUsage = 2;
}
