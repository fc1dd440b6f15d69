namespace Okapi.Chaos.Tests;

public sealed class ScheduleTests
{
    [Fact]
    public void Every_kind_of_fault_comes_once_before_any_comes_again()
    {
        var schedule = new Schedule(Nemeses.All, new Random(1));

        string[] first = [.. Enumerable.Range(0, Nemeses.All.Count).Select(_ => schedule.Next().Kind)];

        Assert.Equal(Nemeses.All.Select(nemesis => nemesis.Kind).Order(), first.Order());
    }

    [Fact]
    public void In_a_round_a_kind_comes_as_often_as_its_weight_says()
    {
        var schedule = new Schedule(Nemeses.All, new Random(2));

        ILookup<string, Nemesis> round = Enumerable.Range(0, Nemeses.All.Sum(nemesis => nemesis.Weight)).Select(_ => schedule.Next()).ToLookup(nemesis => nemesis.Kind);

        Assert.All(Nemeses.All, nemesis => Assert.Equal(nemesis.Weight, round[nemesis.Kind].Count()));
    }

    [Fact]
    public void A_seed_gives_one_schedule()
    {
        static IEnumerable<string> Kinds(int seed)
        {
            var schedule = new Schedule(Nemeses.All, new Random(seed));
            return Enumerable.Range(0, 100).Select(_ => schedule.Next().Kind).ToArray();
        }

        Assert.Equal(Kinds(3), Kinds(3));
        Assert.NotEqual(Kinds(3), Kinds(4));
    }

    [Fact]
    public void Without_partitions_nine_kinds_are_left() => Assert.Equal(9, Nemeses.All.Count(nemesis => !nemesis.CutsNetwork));
}
