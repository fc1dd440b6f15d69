namespace Okapi.Repo.Tests;

public class PublicApiTests
{
    private const string UpdateVariable = "OKAPI_UPDATE_API";

    [Theory]
    [InlineData("Okapi.Protocol")]
    [InlineData("Okapi.Client")]
    [InlineData("Okapi.Recipes")]
    [InlineData("Okapi.State")]
    [InlineData("Okapi.Server")]
    public void The_public_api_is_the_reviewed_one(string assembly)
    {
        Type anchor = assembly switch
        {
            "Okapi.Client" => typeof(ZooKeeperClient),
            "Okapi.Recipes" => typeof(Okapi.Recipes.RecipeOptions),
            "Okapi.State" => typeof(Okapi.State.SharedState),
            "Okapi.Server" => typeof(Okapi.Server.EmbeddedServer),
            _ => typeof(Stat),
        };
        string file = $"docs/api/{assembly}.txt";
        string actual = PublicApi.Describe(anchor.Assembly);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Repository.FullPath(file))!);
            File.WriteAllText(Repository.FullPath(file), actual);
        }

        string reviewed = File.Exists(Repository.FullPath(file)) ? Repository.Read(file).ReplaceLineEndings("\n") : string.Empty;
        string[] was = reviewed.Split('\n'), now = actual.Split('\n');
        Repository.AssertNone(
            [.. was.Except(now).Select(line => "- " + line.Trim()), .. now.Except(was).Select(line => "+ " + line.Trim())],
            $"The public API of {assembly} differs from {file}. If that is meant, run the tests once with {UpdateVariable}=1, review the file's diff as users would, and commit it.");
        Assert.Equal(reviewed, actual);
    }

    [Fact]
    public void The_description_shows_what_a_caller_can_break_on()
    {
        string text = PublicApi.Describe(typeof(PublicApiTests).Assembly, type => type == typeof(Sample) || type == typeof(SampleKind) || type == typeof(SampleStruct));
        Assert.Equal(
            """
            namespace Okapi.Repo.Tests

            public abstract class PublicApiTests.Sample : IDisposable
                protected Sample(string name)
                public const int Limit = 3
                public string? Name { get; set; }
                public int Size { get; init; }
                public static event Action? Happened
                public void Dispose()
                public abstract ValueTask<T> GetAsync<T>(T value, int? version = null, CancellationToken cancellationToken = default) where T : class, IDisposable
                public bool TryRead(ref int position, out string? text, params ReadOnlySpan<byte> data)

            [Flags] public enum PublicApiTests.SampleKind : int
                None = 0
                One = 1

            public readonly record struct PublicApiTests.SampleStruct : IEquatable<PublicApiTests.SampleStruct>
                public SampleStruct(int A, string? B = null)
                public int A { get; init; }
                public string? B { get; init; }
                public void Deconstruct(out int A, out string? B)

            """,
            text);
    }

    public abstract class Sample : IDisposable
    {
        public const int Limit = 3;

        protected Sample(string name) => Name = name;

        public static event Action? Happened;

        public string? Name { get; set; }

        public int Size { get; init; }

        internal static void Happen() => Happened?.Invoke();

        public abstract ValueTask<T> GetAsync<T>(T value, int? version = null, CancellationToken cancellationToken = default)
            where T : class, IDisposable;

        public bool TryRead(ref int position, out string? text, params ReadOnlySpan<byte> data)
        {
            text = data.Length > position ? Name : null;
            return text is not null;
        }

        public void Dispose() => GC.SuppressFinalize(this);
    }

    [Flags]
    public enum SampleKind
    {
        None = 0,
        One = 1,
    }

    public readonly record struct SampleStruct(int A, string? B = null);
}
