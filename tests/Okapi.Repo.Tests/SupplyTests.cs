using System.Diagnostics;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace Okapi.Repo.Tests;

/// <summary>What Okapi is made of, and that what is built is what the sources say.</summary>
public sealed partial class SupplyTests
{
    /// <summary>Far above what any of it takes, on a machine that does much else.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly string[] Libraries = ["Okapi.Protocol", "Okapi.Client", "Okapi.Recipes", "Okapi.State", "Okapi.Server"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_same_sources_give_the_same_bytes()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-twice-").FullName;
        try
        {
            var hashes = new List<string>();
            for (int i = 0; i < 2; i++)
            {
                string output = Path.Combine(folder, "artifacts"); // in one place: an embedded PDB names the files that were compiled, generated ones too
                Ran built = await RunAsync("dotnet", "build", "src/Okapi.Protocol", "--configuration", "Release", "--artifacts-path", output, "--disable-build-servers", "--verbosity", "quiet", "-p:UseSharedCompilation=false");
                Assert.True(built.Code == 0, built.Output);
                string assembly = Assert.Single(Directory.GetFiles(Path.Combine(output, "bin"), "Okapi.Protocol.dll", SearchOption.AllDirectories));
                hashes.Add(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(assembly))));
                Directory.Delete(output, recursive: true);
            }

            Assert.Equal(hashes[0], hashes[1]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_libraries_are_made_of_sources_alone() =>
        Repository.AssertNone(
            Repository.Files.Where(file => file.StartsWith("src/", StringComparison.Ordinal) && Path.GetExtension(file) is not (".cs" or ".csproj") && Path.GetFileName(file) != "packages.lock.json"),
            "A package holds what was compiled from sources here, and nothing else.");

    [Fact]
    public void Nothing_native_is_in_the_tree_or_in_a_package_that_ships()
    {
        IEnumerable<string> files = Repository.Files.Select(Repository.FullPath);
        foreach (string package in ShippedPackages())
        {
            string folder = Path.Combine(PackagesFolder, package);
            Assert.True(Directory.Exists(folder), $"{package} is in a lock file and was not restored.");
            files = files.Concat(Directory.GetFiles(folder, "*", SearchOption.AllDirectories));
        }

        Repository.AssertNone(files.Where(file => IsNative(File.ReadAllBytes(file))), "Code of the machine cannot be read, and runs on one kind of machine.");
    }

    [Theory]
    [InlineData("7f454c46", true)]
    [InlineData("cffaedfe", true)]
    [InlineData("4d5a9000", true)]
    [InlineData("75736967", false)]
    public void Native_code_is_found(string start, bool isNative) => Assert.Equal(isNative, IsNative([.. Convert.FromHexString(start), .. new byte[60]]));

    [Fact]
    public void An_assembly_is_not_native() => Assert.False(IsNative(File.ReadAllBytes(typeof(ZooKeeperClient).Assembly.Location)));

    [Fact]
    public void Only_the_server_and_the_proxy_listen() => Assert.Equal(
        ["src/Okapi.Server/Connections/Listener.cs", "src/Okapi.Server/Proxies/ProxyListener.cs"],
        Repository.FilesBelow("src/", ".cs").Where(file => ListeningPattern().IsMatch(Repository.Read(file))));

    // The linker's own analysis of the libraries, every member of them. That of AOT is an analyzer's, which the build runs: its warnings are errors.
    [Fact]
    public async Task Trimming_has_nothing_to_warn_of()
    {
        string[] arguments = [.. Libraries.SelectMany(library => new[] { "-a", Path.Combine(AppContext.BaseDirectory, library + ".dll"), "all" }), "-d", AppContext.BaseDirectory];
        Repository.AssertNone((await LinkAsync(arguments)).Where(line => line.Contains("Okapi", StringComparison.Ordinal)), "The linker warns.");
    }

    [Fact]
    public async Task What_cannot_be_trimmed_is_found()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-planted-").FullName;
        try
        {
            string planted = Path.Combine(folder, "Planted.dll");
            SyntaxTree source = Roslyn.Parse("public static class Planted { public static object Find(string name) => System.Type.GetType(name).GetMethods(); }", "planted.cs");
            Assert.True(Roslyn.Compile([source], "Planted", Roslyn.ReferencesWithout()).Emit(planted, cancellationToken: Cancel).Success);
            Assert.Contains(await LinkAsync(["-a", planted, "all"]), line => line.Contains("Planted.Find", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void No_warning_of_trimming_AOT_or_the_audit_is_silenced()
    {
        IEnumerable<string> files = Repository.Files.Where(file =>
            (file.StartsWith("src/", StringComparison.Ordinal) && Path.GetExtension(file) is ".cs" or ".csproj") || Path.GetExtension(file) is ".props" or ".targets");
        Repository.AssertNone(
            files.SelectMany(file => Repository.Read(file).Split('\n').Index().Where(line => SilencedPattern().IsMatch(line.Item)).Select(line => $"{file}:{line.Index + 1}: {line.Item.Trim()}")),
            "A library can be trimmed and compiled ahead of time as it is, and a package with a known hole fails the build.");
        string props = Repository.Read("Directory.Build.props");
        Assert.Contains("<IsAotCompatible>true</IsAotCompatible>", props, StringComparison.Ordinal);
        Assert.Contains("<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", props, StringComparison.Ordinal);
        Assert.Contains("<NuGetAuditMode>all</NuGetAuditMode>", props, StringComparison.Ordinal);
        // 1901 to 1904 are holes from low to critical; 1900 and 1905 say that nobody could be asked.
        Assert.Contains("<WarningsNotAsErrors>NU1900;NU1905</WarningsNotAsErrors>", props, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[UnconditionalSuppressMessage(\"Trimming\", \"IL2026\")]", true)]
    [InlineData("#pragma warning disable IL3050", true)]
    [InlineData("<NuGetAudit>false</NuGetAudit>", true)]
    [InlineData("<NoWarn>$(NoWarn);NU1903</NoWarn>", true)]
    [InlineData("<IsAotCompatible>false</IsAotCompatible>", true)]
    [InlineData("#pragma warning disable CA1031", false)]
    public void What_silences_is_found(string line, bool isFound) => Assert.Equal(isFound, SilencedPattern().IsMatch(line));

    [Fact]
    public async Task The_bill_of_materials_has_every_package_that_was_locked()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("The script is bash's.");
            return;
        }

        Ran made = await RunAsync("bash", "eng/sbom"), again = await RunAsync("bash", "eng/sbom");
        Assert.True(made.Code == 0, made.Output);
        Assert.Equal(made.Output, again.Output);
        using JsonDocument bill = JsonDocument.Parse(made.Output);
        Assert.Equal("CycloneDX", bill.RootElement.GetProperty("bomFormat").GetString());
        string[] listed = [.. bill.RootElement.GetProperty("components").EnumerateArray().Select(each => $"{each.GetProperty("scope").GetString()} {each.GetProperty("purl").GetString()!["pkg:nuget/".Length..]}").Order(StringComparer.Ordinal)];
        IEnumerable<string> own = Repository.FilesBelow("src/", ".csproj").Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.Equal(
            [.. Locked().Select(each => $"{(IsForBuilding(each.Name) ? "excluded" : "required")} {each.Name}@{each.Version}").Concat(own.Select(name => $"required {name}@0.1.0")).Distinct().Order(StringComparer.Ordinal)],
            listed);
    }

    private static string PackagesFolder => Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static bool IsForBuilding(string package) => package is "Meziantou.Analyzer" or "Microsoft.CodeAnalysis.BannedApiAnalyzers" or "Microsoft.NET.ILLink.Tasks";

    private static IEnumerable<string> ShippedPackages() => Locked().Where(each => !IsForBuilding(each.Name)).Select(each => $"{each.Name.ToLowerInvariant()}/{each.Version}").Distinct();

    /// <summary>The packages in the lock files of what ships.</summary>
    private static IEnumerable<(string Name, string Version)> Locked()
    {
        foreach (string file in Repository.Files.Where(file => file.StartsWith("src/", StringComparison.Ordinal) && file.EndsWith("packages.lock.json", StringComparison.Ordinal)))
        {
            using JsonDocument lockFile = JsonDocument.Parse(Repository.Read(file));
            foreach (JsonProperty framework in lockFile.RootElement.GetProperty("dependencies").EnumerateObject())
                foreach (JsonProperty package in framework.Value.EnumerateObject())
                    if (package.Value.TryGetProperty("resolved", out JsonElement version)) yield return (package.Name, version.GetString()!);
        }
    }

    /// <summary>ELF, Mach-O, or a Windows executable without .NET in it.</summary>
    private static bool IsNative(byte[] file)
    {
        ReadOnlySpan<byte> start = file.AsSpan(0, Math.Min(4, file.Length));
        if (start.SequenceEqual("\u007fELF"u8) || start is [0xcf or 0xce, 0xfa, 0xed, 0xfe] or [0xfe, 0xed, 0xfa, 0xcf or 0xce] or [0xca, 0xfe, 0xba, 0xbe]) return true;
        if (start is not [(byte)'M', (byte)'Z', ..]) return false;
        try
        {
            using var reader = new PEReader(new MemoryStream(file));
            return !reader.HasMetadata;
        }
        catch (BadImageFormatException)
        {
            return true;
        }
    }

    /// <summary>What the linker says of assemblies.</summary>
    private static async Task<string[]> LinkAsync(string[] arguments)
    {
        string version = Locked().First(each => each.Name == "Microsoft.NET.ILLink.Tasks").Version;
        string linker = Path.Combine(PackagesFolder, "microsoft.net.illink.tasks", version, "tools", "net", "illink.dll");
        Assert.True(File.Exists(linker), "The linker is in a lock file and was not restored.");
        string folder = Directory.CreateTempSubdirectory("okapi-linked-").FullName;
        try
        {
            string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
            Ran linked = await RunAsync("dotnet", [linker, .. arguments, "-d", framework, "--trim-mode", "link", "--action", "link", "-out", folder]);
            // It tells of the framework's own switches, whatever is linked: what it says of nothing is nothing.
            Assert.True(linked.Code == 0 && linked.Output.Contains("IL2026", StringComparison.Ordinal), linked.Output);
            return linked.Output.Split('\n');
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Ran> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // Build processes that outlive the build would be left running; and what runs these tests has settings of its own.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildSDKsPath", "MSBuildExtensionsPath" }) start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(Cancel), errors = process.StandardError.ReadToEndAsync(Cancel);
            await process.WaitForExitAsync(Cancel).WaitAsync(Limit, Cancel);
            return new(process.ExitCode, await output + await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private sealed record Ran(int Code, string Output);

    [GeneratedRegex(@"\.Listen\(|\bTcpListener\b|\bHttpListener\b|\bNamedPipeServer|\bWebApplication\b|\bQuicListener\b|\.Bind\(")]
    private static partial Regex ListeningPattern();

    [GeneratedRegex(@"UnconditionalSuppressMessage|RequiresUnreferencedCode|RequiresDynamicCode|RequiresAssemblyFiles|(disable|NoWarn|NotAsErrors).*\bIL[23]\d{3}|NuGetAudit>\s*false|NoWarn.*\bNU19|IsAotCompatible>\s*false|NuGetAuditSuppress")]
    private static partial Regex SilencedPattern();
}
