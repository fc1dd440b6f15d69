namespace Okapi.Samples;

/// <summary>Says what happens, and that it is so.</summary>
internal static class Narration
{
    public static void Chapter(string title)
    {
        Console.WriteLine();
        Console.WriteLine($"== {title}");
    }

    public static void Tell(string what) => Console.WriteLine(what);

    public static void Check(bool isSo, string what)
    {
        if (!isSo) throw new DifferentException(what);
        Console.WriteLine($"  ok: {what}");
    }
}

/// <summary>Something was not as the tour tells it.</summary>
/// <param name="expected">What should have been so.</param>
internal sealed class DifferentException(string expected) : Exception($"this is not so: {expected}");
