using Okapi.Server;
using Okapi.Simulation.Network;

namespace Okapi.Simulation.Faults;

/// <summary>Does harm for a while: to wires, to members, to the server, to sessions and to clocks. When it is done all is as it should be.</summary>
internal sealed class Nemesis(World world, Luck luck)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(4);

    public async Task RunAsync(int strikes)
    {
        bool mayLoseData = luck.OneIn(40);
        for (int i = 0; i < strikes; i++)
        {
            await world.PauseAsync(luck.Ms(1, luck.Of(20, 200, 1500)));
            await StrikeAsync(luck.Pick(world.Players), mayLoseData);
        }
    }

    private Task StrikeAsync(Player player, bool mayLoseData) => luck.Below(24) switch
    {
        0 or 1 or 2 => CutAsync(player),
        3 => HalfCloseAsync(player),
        4 or 5 => HoldAsync(player, luck.Time(TimeSpan.Zero, 3 * s_timeout)),
        6 or 7 => HoldAsync(player, luck.Time(TimeSpan.Zero, s_timeout / 2)),
        8 => StallAsync(player),
        9 or 10 or 11 => LoseReplyAsync(player),
        12 => ForAWhileAsync("slices", player, on => player.Access.IsSliced = on),
        13 => ForAWhileAsync("slow", player, on => player.Access.Latency = on ? (TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(300)) : Usual),
        14 => RefuseAsync(player),
        15 => SilenceAsync(player),
        16 or 17 => LagAsync(),
        18 or 19 => RestartAsync(mayLoseData),
        20 => ExpireAsync(player),
        21 => JumpAsync(),
        22 => ReadOnlyAsync(),
        _ => CutAllAsync(),
    };

    private static (TimeSpan Least, TimeSpan Most) Usual => (TimeSpan.FromMicroseconds(100), TimeSpan.FromMilliseconds(2));

    private Task CutAsync(Player player)
    {
        world.Trace.Say($"c{player.Number} is cut");
        foreach (Wire wire in player.Access.Open.ToArray())
        {
            if (luck.OneIn(2)) wire.Break("Cut.");
            else wire.Do(up: true, Harm.End);
        }

        return Task.CompletedTask;
    }

    private Task CutAllAsync() => Task.WhenAll(world.Players.Select(CutAsync));

    private Task HalfCloseAsync(Player player)
    {
        bool up = luck.OneIn(2);
        world.Trace.Say($"c{player.Number} is half closed, {(up ? "up" : "down")}");
        foreach (Wire wire in player.Access.Open.ToArray()) wire.Do(up, Harm.HalfClose);
        return Task.CompletedTask;
    }

    private Task HoldAsync(Player player, TimeSpan by)
    {
        world.Trace.Say($"c{player.Number} is held for {by.TotalSeconds:0.000} s");
        int which = luck.Below(3);
        foreach (Wire wire in player.Access.Open) wire.Hold(which == 1 ? default : by, which == 2 ? default : by);
        return Task.CompletedTask;
    }

    private Task StallAsync(Player player)
    {
        bool up = luck.OneIn(2);
        world.Trace.Say($"c{player.Number} hears or says nothing more, {(up ? "up" : "down")}");
        foreach (Wire wire in player.Access.Open) wire.Do(up, Harm.Stall);
        return Task.CompletedTask;
    }

    private Task LoseReplyAsync(Player player)
    {
        player.Access.LoseReplyIn = luck.Below(6);
        return Task.CompletedTask;
    }

    private Task ForAWhileAsync(string what, Player player, Action<bool> set)
    {
        world.Trace.Say($"c{player.Number} {what}");
        set(true);
        foreach (Wire wire in player.Access.Open) (wire.IsSliced, wire.Latency) = (player.Access.IsSliced, player.Access.Latency);
        world.Time.After(luck.Ms(10, 3000), () =>
        {
            set(false);
            foreach (Wire wire in player.Access.Open) (wire.IsSliced, wire.Latency) = (player.Access.IsSliced, player.Access.Latency);
        });
        return Task.CompletedTask;
    }

    private async Task RefuseAsync(Player player)
    {
        int member = luck.Between(1, world.MemberCount);
        world.Trace.Say($"c{player.Number} is refused by {member}");
        player.Access.Refusing.Add(member);
        if (luck.OneIn(2)) await CutAsync(player);
        world.Time.After(luck.Ms(10, 6000), () => player.Access.Refusing.Remove(member));
    }

    private async Task SilenceAsync(Player player)
    {
        int member = luck.Between(1, world.MemberCount);
        world.Trace.Say($"c{player.Number} hears nothing of {member}");
        player.Access.Silent.Add(member);
        await CutAsync(player);
        world.Time.After(luck.Ms(10, 6000), () => player.Access.Silent.Remove(member));
    }

    private async Task LagAsync()
    {
        int member = luck.Between(1, world.MemberCount);
        world.Trace.Say($"member {member} lags");
        Fault lag = await world.Server.Members[member - 1].Faults.LagAsync();
        world.Time.After(luck.Ms(1, 3000), lag.Dispose);
    }

    private async Task ReadOnlyAsync()
    {
        int member = luck.Between(1, world.MemberCount);
        world.Trace.Say($"member {member} is read-only");
        Fault readOnly = await world.Server.Members[member - 1].Faults.TurnReadOnlyAsync();
        world.Time.After(luck.Ms(1, 3000), readOnly.Dispose);
    }

    private Task RestartAsync(bool mayLoseData) => world.RestartAsync(keepData: !mayLoseData || !luck.OneIn(3));

    private async Task ExpireAsync(Player player)
    {
        world.Trace.Say($"c{player.Number} expires");
        world.HasExpiredByForce = true;
        if (player.Zk.SessionId != 0) await world.Server.ExpireSessionAsync(player.Zk.SessionId);
    }

    private Task JumpAsync()
    {
        world.Trace.Say("the wall clock jumps");
        world.Time.JumpWallClock(luck.Time(TimeSpan.FromHours(-1), TimeSpan.FromHours(1)));
        return Task.CompletedTask;
    }
}
