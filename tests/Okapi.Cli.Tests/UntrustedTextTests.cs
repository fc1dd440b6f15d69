namespace Okapi.Cli.Tests;

/// <summary>What the program prints is text: nothing in it makes a terminal do or hide anything.</summary>
public class UntrustedTextTests
{
    private const string Hostile = "x\u001b[2J\u202e\u0007y", Shown = "x\\u001b[2J\\u202e\\u0007y";

    [Fact]
    public async Task An_error_shows_what_it_repeats()
    {
        Ended ended = await OkapiProcess.RunAsync("serve", "--listen", Hostile);
        Assert.Equal(2, ended.ExitCode);
        Assert.Contains(Shown, ended.Errors, StringComparison.Ordinal);
        AssertPlain(ended.Errors);
    }

    [Fact]
    public async Task A_command_is_answered_with_what_it_was()
    {
        await using OkapiProcess proxy = await OkapiProcess.ProxyAsync("--to", "127.0.0.1:1");
        string answer = await proxy.TellAsync(Hostile);
        Assert.Contains(Shown, answer, StringComparison.Ordinal);
        AssertPlain(answer);
        Assert.Equal(0, (await proxy.QuitAsync()).ExitCode);
    }

    [Fact]
    public async Task A_damaged_folder_is_told_of_in_one_plain_line()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-hostile-").FullName;
        try
        {
            string data = Path.Combine(folder, "a\u202eb");
            Directory.CreateDirectory(Path.Combine(data, "version-2"));
            File.WriteAllText(Path.Combine(data, "version-2", "log.1"), "no log at all, and long enough to have a header");
            Ended ended = await OkapiProcess.RunAsync("serve", "--listen", "127.0.0.1:0", "--data", data);
            Assert.Equal(1, ended.ExitCode);
            Assert.Contains("a\\u202eb", ended.Errors, StringComparison.Ordinal);
            AssertPlain(ended.Errors);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Help_has_its_lines()
    {
        Ended ended = await OkapiProcess.RunAsync("serve", "--help");
        Assert.Equal(0, ended.ExitCode);
        Assert.True(ended.Output.Split('\n').Length > 10, ended.Output);
        Assert.DoesNotContain("\\u", ended.Output, StringComparison.Ordinal);
    }

    // Whoever lists processes sees the arguments of all of them.
    [Theory]
    [InlineData("serve")]
    [InlineData("proxy")]
    public async Task No_option_takes_a_secret_itself(string command)
    {
        Ended ended = await OkapiProcess.RunAsync(command, "--help");
        string[] options = [.. ended.Output.Split([' ', ',', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.StartsWith("--", StringComparison.Ordinal)).Distinct()];
        Assert.NotEmpty(options);
        Assert.DoesNotContain(options, option => option.EndsWith("password", StringComparison.Ordinal) || option.EndsWith("users", StringComparison.Ordinal) || option.EndsWith("auth", StringComparison.Ordinal));
    }

    private static void AssertPlain(string text) => Assert.DoesNotContain(text, c => char.IsControl(c) && c is not ('\n' or '\r'));
}
