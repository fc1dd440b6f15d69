using System.Diagnostics;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>What of others' is installed on this machine.</summary>
internal static class ForeignClients
{
    private static readonly Lazy<string> Lacking = new(Check);

    /// <summary>In CI a test fails without them, elsewhere it says why it is left out.</summary>
    public static void OrSkip()
    {
        if (Lacking.Value.Length == 0) return;
        if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail("Clients of others are required here: " + Lacking.Value);
        Assert.Skip(Lacking.Value);
    }

    private static string Check()
    {
        if (!OperatingSystem.IsLinux()) return "Clients of others are tried on Linux only.";
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "eng", "foreign-clients"))) folder = folder.Parent;
        if (folder is null) return "There is no eng/foreign-clients above the tests.";
        using Process check = Process.Start(new ProcessStartInfo("bash", [Path.Combine(folder.FullName, "eng", "foreign-clients"), "check"]) { RedirectStandardError = true })!;
        string error = check.StandardError.ReadToEnd();
        check.WaitForExit();
        return check.ExitCode == 0 ? string.Empty : error.Trim();
    }
}
