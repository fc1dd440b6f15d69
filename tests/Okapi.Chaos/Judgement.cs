namespace Okapi.Chaos;

/// <summary>Judges what a run has left in its folder, and says where the report is.</summary>
internal static class Judgement
{
    public static async Task<int> OfAsync(string folder)
    {
        string[] problems = await File.ReadAllLinesAsync(Path.Combine(folder, "problems.txt"));
        foreach (string problem in problems)
        {
            Console.WriteLine($"PROBLEM {problem}");
        }

        return problems.Length == 0 ? 0 : 1;
    }
}
