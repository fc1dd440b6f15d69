using Okapi.Recipes.Locks;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>Cancellation at every await of a wait (H57): before each step, and while the server is silent after it, with the connection in order, cut, and the session over.</summary>
public sealed class CancellationTests
{
    private static readonly string[] s_recipes = ["lock", "read", "write", "semaphore"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public enum Weather
    {
        Connected,
        Cut,
        Expired,
    }

    public static TheoryData<string, bool, bool, Weather> Cases()
    {
        var cases = new TheoryData<string, bool, bool, Weather>();
        foreach (string recipe in s_recipes)
            foreach (bool isHeld in (bool[])[false, true])
                foreach (bool afterRequest in (bool[])[false, true])
                    foreach (Weather weather in Enum.GetValues<Weather>()) cases.Add(recipe, isHeld, afterRequest, weather);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task H57_Whoever_cancels_leaves_nothing_behind_and_the_next_has_it(string recipe, bool isHeld, bool afterRequest, Weather weather)
    {
        await using EmbeddedServer server = await World.StartServerAsync(members: 2);
        await using ZooKeeperClient other = await ZooKeeperClient.ConnectAsync(World.OptionsFor(server), Ct);
        // Alone on a member of its own, so that its faults are nobody else's.
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(World.OptionsFor(server, member: 2), Ct);
        var steps = new List<LineStep>();
        for (int at = 0; await new Cancelled(server, zk, other, recipe, $"/{recipe}{at}", isHeld, afterRequest, weather).AtAsync(at) is { } step; at++) steps.Add(step);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", steps));
        LineStep[] line = isHeld && recipe != "semaphore" ? [LineStep.Create, LineStep.List, LineStep.Watch, LineStep.Wait, LineStep.List, LineStep.Confirm] : [LineStep.Create, LineStep.List, LineStep.Confirm];
        LineStep[] lease = isHeld ? [LineStep.Create, LineStep.Watch, LineStep.Wait, LineStep.Watch, LineStep.Confirm, LineStep.Leave] : [LineStep.Create, LineStep.Watch, LineStep.Confirm, LineStep.Leave];
        Assert.Equal(recipe == "semaphore" ? [.. line, .. lease] : line, steps);
    }

    /// <summary>One wait that is cancelled at one of its steps.</summary>
    private sealed class Cancelled(EmbeddedServer server, ZooKeeperClient zk, ZooKeeperClient other, string recipe, string path, bool isHeld, bool afterRequest, Weather weather)
    {
        private readonly TaskCompletionSource<LineStep> _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private LockHandle? _held;
        private Task _lost = Task.CompletedTask;
        private int _steps;

        /// <returns>The step; null: it is over before it comes so far.</returns>
        public async Task<LineStep?> AtAsync(int at)
        {
            if (isHeld) _held = await Open(other)(recipe == "read" ? "write" : recipe, Ct).Soon();
            using var cancel = new CancellationTokenSource();
            Task<LockHandle> acquiring = Open(zk, new LockOptions { Steps = OnStepAsync })(recipe, cancel.Token);
            if (await Task.WhenAny(_reached.Task, acquiring).Soon() == acquiring)
            {
                _steps = int.MinValue; // the release is no step of the wait
                await (await acquiring).DisposeAsync();
                await NothingIsLeftAsync();
                return null;
            }

            LineStep step = await _reached.Task;
            if (afterRequest) await CancelAfterRequestAsync(step, acquiring, cancel);
            else await CancelBeforeStepAsync(step, acquiring, cancel);
            await ThrowAwayAsync(acquiring);
            await _lost;
            await zk.WaitConnectedAsync(cancellationToken: Ct).Soon();
            if (_held is not null) await _held.DisposeAsync();
            LockHandle next = await Open(other)(recipe == "read" ? "write" : recipe, Ct).Soon();
            Assert.True(next.IsHeld);
            await next.DisposeAsync();
            await NothingIsLeftAsync();
            return step;

            async ValueTask OnStepAsync(LineStep own, string name)
            {
                if (_steps++ == at)
                {
                    _reached.SetResult(own);
                    await _goOn.Task;
                }
                else if (own == LineStep.Wait && _held is not null)
                {
                    await _held.DisposeAsync(); // it has seen enough of waiting
                    _held = null;
                }
            }
        }

        private async Task CancelBeforeStepAsync(LineStep step, Task<LockHandle> acquiring, CancellationTokenSource cancel)
        {
            using Fault? refuse = weather == Weather.Cut ? server.Members[1].Faults.Refuse() : null;
            await StrikeAsync();
            await cancel.CancelAsync();
            _goOn.SetResult();
            if (step != LineStep.Leave) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring.Soon()); // at once, though there may be no connection
        }

        private async Task CancelAfterRequestAsync(LineStep step, Task<LockHandle> acquiring, CancellationTokenSource cancel)
        {
            using Fault stall = server.Members[1].Faults.Stall(FaultDirection.Replies);
            _goOn.SetResult();
            if (step != LineStep.Wait) await stall.Struck.Soon(); // the server has done it, and the client does not know
            await cancel.CancelAsync();
            if (step != LineStep.Leave) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring.Soon()); // at once, though the server says nothing
            await StrikeAsync();
        }

        private async Task StrikeAsync()
        {
            if (weather == Weather.Cut) await server.Faults.CutAsync(sessionId: zk.SessionId);
            if (weather != Weather.Expired) return;
            _lost = zk.SessionLost.TrippedAsync();
            await server.ExpireSessionAsync(zk.SessionId);
            if (!afterRequest) await _lost; // else it cannot be told before the server speaks again
        }

        /// <summary>Who is told to stop when he has just got it, has it.</summary>
        private static async Task ThrowAwayAsync(Task<LockHandle> acquiring)
        {
            try
            {
                await (await acquiring.Soon()).DisposeAsync();
            }
            catch (OperationCanceledException)
            {
                // As asked.
            }
        }

        private async Task NothingIsLeftAsync()
        {
            string[] folders = recipe == "semaphore" ? [path + "/locks", path + "/leases"] : [path];
            foreach (string folder in folders) await Waiting.UntilAsync(async () => await other.TryGetChildrenAsync(folder, Ct) is null or { Count: 0 }, $"{folder} is empty");
            await Waiting.UntilAsync(async () => await server.CountWatchesAsync() == 0, "no watch is left");
        }

        private Acquire Open(ZooKeeperClient client, LockOptions? options = null) => (want, ct) => want switch
        {
            "read" => client.ReaderWriterLock(path, options).AcquireReadAsync(ct),
            "write" => client.ReaderWriterLock(path, options).AcquireWriteAsync(ct),
            "semaphore" => client.Semaphore(path, 1, options).AcquireAsync(ct),
            _ => client.Lock(path, options).AcquireAsync(ct),
        };
    }
}
