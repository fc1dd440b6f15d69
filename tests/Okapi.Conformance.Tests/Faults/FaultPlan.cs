using Okapi.Server;

namespace Okapi.Conformance.Tests.Faults;

/// <summary>A seed's faults, one after another and up to three at once; the same seed gives the same plan.</summary>
internal sealed class FaultPlan(FaultProxy proxy, Random random)
{
    private const int Steps = 8;

    private readonly List<Fault> _inForce = [];

    /// <summary>What was done, for whoever reads of a failure.</summary>
    public List<string> Done { get; } = [];

    /// <summary>Lets it all happen, and heals.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        for (int step = 0; step < Steps; step++)
        {
            Strike();
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(12)), TimeProvider.System, ct);
            if (_inForce.Count > 2 || random.Next(2) == 0) End(random.Next(_inForce.Count));
        }

        Done.Add("heal");
        proxy.Heal();
    }

    private void Strike()
    {
        ProxyFaults faults = random.Next(3) == 0 ? proxy.FaultsOfNew : proxy.Faults;
        var direction = (FaultDirection)random.Next(1, 4);
        FaultDirection way = random.Next(2) == 0 ? FaultDirection.Requests : FaultDirection.Replies;
        var kind = (CutKind)random.Next(3);
        TimeSpan little = TimeSpan.FromMilliseconds(random.Next(1, 8));
        int bytes = random.Next(2000);
        switch (random.Next(11))
        {
            case 0:
                proxy.Faults.Cut(kind);
                Done.Add($"cut {kind}");
                break;
            case 1:
                proxy.Faults.HalfClose(way);
                Done.Add($"half-close {way}");
                break;
            case 2 or 3:
                Begin(faults.CutAfter(bytes, way, kind, times: random.Next(1, 3)), $"cut {kind} after {bytes} {way}");
                break;
            case 4:
                Begin(random.Next(2) == 0 ? faults.Stall(direction, little) : faults.StallAfter(bytes, direction, little), $"stall {direction}, perhaps after {bytes}");
                break;
            case 5:
                Begin(faults.Delay(little, direction, little), $"delay {direction} by {little}");
                break;
            case 6:
                Begin(faults.Split(random.Next(1, 20), direction), $"split {direction}");
                break;
            case 7:
                Begin(faults.LimitBandwidth(20_000 + (bytes * 100), direction), $"bandwidth {direction}");
                break;
            case 8:
                Begin(faults.Blackhole(direction, little), $"black hole {direction} for {little}");
                break;
            case 9:
                Begin(faults.SlowClose(little, direction), "slow close");
                proxy.Faults.Cut(CutKind.HalfClose);
                break;
            default:
                Begin(random.Next(2) == 0 ? proxy.Faults.Down() : proxy.Faults.Refuse(), "down or refused");
                proxy.Faults.Cut();
                break;
        }
    }

    private void Begin(Fault fault, string what)
    {
        _inForce.Add(fault);
        Done.Add(what);
    }

    private void End(int which)
    {
        if (which >= _inForce.Count) return;
        _inForce[which].Dispose();
        _inForce.RemoveAt(which);
        Done.Add($"end {which}");
    }
}
