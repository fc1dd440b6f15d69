using System.Text.RegularExpressions;
using Okapi.Protocol;
using Okapi.Sessions;

namespace Okapi.Client.Tests.Sessions;

/// <summary>The rules of a session, in simulated time: no socket, no thread, no waiting.</summary>
public partial class SessionMachineTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly SessionSettings Defaults = SimulatedSession.Defaults;

    /// <summary>Connected (C), read-only (R), disconnected (D), expired (X), authentication failed (A), closed (Z); it begins while connecting.</summary>
    [GeneratedRegex("^([CR]D)*([CR]?[AZ]|X|[CR])?$")]
    private static partial Regex LegalTrace { get; }

    // One attempt is the coarsest thing between the last word of a server and the time at which expiry has to be told.
    [Theory]
    [InlineData(2_000, 100, 5_000, 1)]
    [InlineData(2_000, 100, 20_000, 1)] // the back-off may not delay it (kezhuw 0e4e201)
    [InlineData(2_000, 20_000, 20_000, 3)]
    [InlineData(40_000, 100, 400_000, 3)]
    [InlineData(int.MaxValue, 100, 1_000_000, 1)]
    public void H1_H3_Expiry_is_told_four_thirds_of_the_timeout_after_the_last_byte_whatever_the_back_off_is(int timeoutMs, int backoffMinMs, int backoffMaxMs, int servers)
    {
        foreach (Reaction outage in new[] { Reaction.Refuse, Reaction.Silence, Reaction.CloseUnanswered })
        {
            bool isUp = true;
            var timeout = TimeSpan.FromMilliseconds(timeoutMs);
            var simulation = new SimulatedSession(
                Defaults with { SessionTimeout = timeout, BackoffMinimum = TimeSpan.FromMilliseconds(backoffMinMs), BackoffMaximum = TimeSpan.FromMilliseconds(backoffMaxMs) },
                servers,
                react: _ => isUp ? Reaction.Serve : outage).Start().RunFor(timeoutMs > 1_000_000 ? Second : 3 * timeout);
            Assert.Equal(SessionState.Connected, simulation.Machine.State);
            isUp = false;
            TimeSpan heard = simulation.LastHeard;
            simulation.Cut();
            simulation.RunUntil(heard + (timeout * 4 / 3) + Second);
            Assert.Equal(SessionState.Expired, simulation.Machine.State);
            Assert.IsType<SessionExpiredException>(simulation.EndedWith);
            Assert.InRange(simulation.EndedAt!.Value, heard + (timeout * 4 / 3), heard + (timeout * 4 / 3) + TimeSpan.FromMilliseconds(10));
            Assert.Null(simulation.Machine.NextTick);
        }
    }

    [Theory]
    [InlineData((int)Reaction.Refuse)]
    [InlineData((int)Reaction.Silence)]
    [InlineData((int)Reaction.CloseUnanswered)]
    [InlineData((int)Reaction.SayExpired)] // to a client without a session it says nothing
    public void H2_A_session_that_never_began_keeps_trying(int outage)
    {
        var reaction = (Reaction)outage;
        var simulation = new SimulatedSession(Defaults, servers: 2, react: _ => reaction).Start().RunFor(10 * Defaults.SessionTimeout);
        Assert.Equal(SessionState.Connecting, simulation.Machine.State);
        Assert.True(simulation.Opened.Count > 5);
        reaction = Reaction.Serve;
        simulation.RunFor(20 * Second);
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
    }

    [Fact]
    public void H4_The_client_counts_from_the_last_byte_and_with_the_timeout_that_was_granted()
    {
        var reaction = Reaction.Serve;
        var simulation = new SimulatedSession(Defaults with { SessionTimeout = 30 * Second }, react: _ => reaction) { GrantedMs = 4_000 }.Start().RunFor(60 * Second);
        Assert.Equal(4 * Second, simulation.Machine.Timeouts.Session);
        reaction = Reaction.Silence; // a black hole: nobody says that the connection is gone
        TimeSpan heard = simulation.LastHeard;
        simulation.RunFor(20 * Second);
        (TimeSpan At, SessionState State, long) lost = simulation.Trace.Single(change => change.State == SessionState.Disconnected);
        Assert.Equal(heard + (4 * Second * 2 / 3), lost.At);
        Assert.InRange(simulation.EndedAt!.Value, heard + (4 * Second * 4 / 3), heard + (4 * Second * 4 / 3) + TimeSpan.FromMilliseconds(2));
    }

    [Fact]
    public void H4_Bytes_of_a_connection_that_never_became_the_sessions_own_prolong_nothing()
    {
        var reaction = Reaction.Serve;
        var simulation = new SimulatedSession(Defaults, servers: 3, react: _ => reaction).Start().RunFor(10 * Second);
        reaction = Reaction.CloseUnanswered;
        TimeSpan heard = simulation.LastHeard;
        simulation.Cut();
        simulation.RunFor(30 * Second);
        Assert.InRange(simulation.EndedAt!.Value, heard + (8 * Second), heard + (8 * Second) + TimeSpan.FromMilliseconds(2));
    }

    [Fact]
    public void H5_After_any_history_of_outages_the_trace_is_legal_and_a_session_that_lives_is_connected_once_the_network_heals()
    {
        Reaction[] reactions = [Reaction.Serve, Reaction.Serve, Reaction.Refuse, Reaction.Silence, Reaction.CloseUnanswered, Reaction.ServeReadOnly, Reaction.ServeAndCut];
        int expired = 0;
        for (int seed = 0; seed < 10_000; seed++)
        {
            var random = new Random(seed);
            var network = new Dictionary<ServerEndpoint, Reaction>();
            int servers = random.Next(1, 4);
            var simulation = new SimulatedSession(Defaults with { AllowReadOnly = random.Next(2) == 0 }, servers, seed, server => network.GetValueOrDefault(server, Reaction.Serve)).Start();
            for (int phase = random.Next(1, 7); phase > 0; phase--)
            {
                foreach (ServerEndpoint server in simulation.Endpoints) network[server] = reactions[random.Next(reactions.Length)];
                if (simulation.IsConnected && random.Next(2) == 0) simulation.Cut();
                if (random.Next(8) == 0) simulation.Handle(new SessionInput.ServersChanged([.. simulation.Endpoints.Where(_ => random.Next(2) == 0).DefaultIfEmpty(simulation.Endpoints[0])]));
                simulation.RunFor(Defaults.SessionTimeout * random.NextDouble() * 2);
            }

            network.Clear();
            simulation.RunFor(3 * Defaults.SessionTimeout);
            string trace = string.Concat(simulation.Trace.Select(change => "_CRDXAZ"[(int)change.State]));
            Assert.True(LegalTrace.IsMatch(trace), $"seed {seed}: {trace}");
            if (simulation.EndedWith is SessionExpiredException)
            {
                expired++;
                Assert.True(simulation.EndedAt - simulation.LastHeard >= Defaults.SessionTimeout, $"seed {seed}: expired {simulation.EndedAt - simulation.LastHeard} after the last byte");
            }
            else if (simulation.Machine.State != SessionState.ConnectedReadOnly)
            {
                Assert.True(simulation.Machine.State == SessionState.Connected, $"seed {seed}: {trace} and then {simulation.Machine.State}");
            }
        }

        Assert.InRange(expired, 100, 9_000);
    }

    [Fact]
    public void H7_A_resume_that_is_answered_with_another_session_is_an_expiry()
    {
        var reaction = Reaction.Serve;
        var simulation = new SimulatedSession(Defaults, react: _ => reaction).Start().RunFor(Second);
        reaction = Reaction.OtherSession;
        simulation.Cut();
        simulation.RunFor(Second);
        Assert.Equal(SessionState.Expired, simulation.Machine.State);
        Assert.Equal(0x77, simulation.Machine.SessionId);
        Assert.Equal(0x77, Assert.IsType<SessionExpiredException>(simulation.EndedWith).SessionId);
    }

    [Fact]
    public void H8_Servers_without_their_data_close_every_connection_unanswered_which_ends_in_expiry_and_not_in_a_storm()
    {
        var reaction = Reaction.Serve;
        var simulation = new SimulatedSession(Defaults, servers: 3, react: _ => reaction).Start().RunFor(Second);
        simulation.Opened.Clear();
        reaction = Reaction.CloseUnanswered;
        simulation.Cut();
        simulation.RunFor(30 * Second);
        Assert.Equal(SessionState.Expired, simulation.Machine.State);
        Assert.InRange(simulation.Opened.Count, 6, 40); // 8 s of rounds over three servers, with pauses that double
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(unchecked((long)0xff00_0000_0000_0001))]
    public void H9_Negative_session_ids_are_resumed_like_any_other(long id)
    {
        var simulation = new SimulatedSession(Defaults) { NewSessionId = id }.Start().RunFor(Second);
        simulation.Cut();
        simulation.RunFor(Second);
        Assert.Equal([0, id], simulation.Handshakes.Select(handshake => handshake.SessionId));
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
        Assert.Contains($"0x{id:x}", new SessionCredentials(id, new byte[16]).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void H11_The_session_of_a_read_only_server_is_not_offered_to_another()
    {
        var reaction = Reaction.ServeReadOnly;
        var simulation = new SimulatedSession(Defaults with { AllowReadOnly = true }, react: _ => reaction).Start().RunFor(Second);
        Assert.Equal(SessionState.ConnectedReadOnly, simulation.Machine.State);
        reaction = Reaction.Serve;
        simulation.Handle(new SessionInput.Probed(SimulatedSession.Endpoint(1), IsReadWrite: true));
        simulation.RunFor(Second);
        Assert.Equal([0, 0], simulation.Handshakes.Select(handshake => handshake.SessionId));
        Assert.All(simulation.Handshakes, handshake => Assert.Equal(new byte[16], handshake.Password));
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
        reaction = Reaction.ServeReadOnly;
        simulation.Cut();
        simulation.RunFor(Second);
        Assert.Equal(0x77, simulation.Handshakes[^1].SessionId); // a server that takes writes has seen it
    }

    [Fact]
    public void H11_A_resumed_session_keeps_its_id_even_on_a_read_only_server()
    {
        byte[] password = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];
        var simulation = new SimulatedSession(Defaults with { AllowReadOnly = true, Resume = new(0x99, password) }, react: _ => Reaction.ServeReadOnly).Start().RunFor(Second);
        Assert.Equal(0x99, simulation.Handshakes[0].SessionId);
        Assert.Equal(password, simulation.Handshakes[0].Password);
        Assert.Equal(0x99, simulation.Machine.SessionId);
        simulation.Cut();
        simulation.RunFor(Second);
        Assert.Equal(0x99, simulation.Handshakes[^1].SessionId);
    }

    [Fact]
    public void H12_A_probe_without_an_answer_stops_neither_pings_nor_further_probes()
    {
        var simulation = new SimulatedSession(Defaults with { AllowReadOnly = true }, servers: 3, react: _ => Reaction.ServeReadOnly).Start().RunFor(60 * Second);
        Assert.Equal(SessionState.ConnectedReadOnly, simulation.Machine.State);
        Assert.Single(simulation.Opened);
        Assert.InRange(simulation.Log.OfType<SessionEffect.Probe>().Count(), 5, 12); // 0.1, 0.3, 0.7, 1.5 … s
        AssertPingGaps(simulation, 2 * Second);
    }

    [Fact]
    public void H14_Two_processes_on_one_session_evict_each_other_at_a_bounded_rate_and_are_told_of_it()
    {
        var simulation = new SimulatedSession(Defaults, react: _ => Reaction.ServeAndCut).Start().RunFor(300 * Second);
        // Five seconds at most, half of them random: 60 to 120 reconnects, and a few while the pauses grow.
        Assert.InRange(simulation.Opened.Count, 60, 135);
        Assert.InRange(simulation.Log.OfType<SessionEffect.WarnShortLived>().Count(), simulation.Opened.Count - 3, simulation.Opened.Count);
    }

    [Fact]
    public void H14_A_connection_that_lived_long_is_missed_without_a_warning_and_without_a_long_pause()
    {
        var simulation = new SimulatedSession(Defaults).Start();
        for (int i = 0; i < 20; i++)
        {
            simulation.RunFor(10 * Second);
            simulation.Cut();
            TimeSpan lost = simulation.Now;
            simulation.RunFor(Second);
            Assert.InRange(simulation.Opened[^1].At, lost, lost + Defaults.BackoffMinimum);
        }

        Assert.Empty(simulation.Log.OfType<SessionEffect.WarnShortLived>());
    }

    [Fact]
    public void H17_An_unreachable_server_is_passed_over_for_the_next()
    {
        var simulation = new SimulatedSession(Defaults, servers: 3, react: server => server.Host == "s3" ? Reaction.Serve : Reaction.Refuse).Start().RunFor(Second);
        Assert.Equal(["s1", "s2", "s3"], simulation.Opened.Select(open => open.Server.Host));
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
    }

    [Fact]
    public void H18_A_removed_server_is_left_also_while_it_is_being_connected_to()
    {
        foreach (Reaction reaction in new[] { Reaction.Silence, Reaction.Serve })
        {
            var simulation = new SimulatedSession(Defaults, react: server => server.Host == "s1" ? reaction : Reaction.Serve).Start();
            simulation.Handle(new SessionInput.ServersChanged([SimulatedSession.Endpoint(2)]));
            simulation.RunFor(TimeSpan.FromMilliseconds(100));
            Assert.Equal(SessionState.Connected, simulation.Machine.State);
            Assert.Equal("s2", simulation.Machine.Server!.Host);
            Assert.Equal([SessionState.Connected], simulation.Trace.Select(change => change.State));
        }
    }

    [Fact]
    public void H19_A_day_of_refusal_brings_each_server_less_than_one_attempt_a_second()
    {
        const int Servers = 3;
        var simulation = new SimulatedSession(Defaults, Servers, react: _ => Reaction.Refuse).Start().RunFor(TimeSpan.FromHours(24));
        TimeSpan warm = 10 * Second;
        foreach (IGrouping<ServerEndpoint, (TimeSpan At, ServerEndpoint)> attempts in simulation.Opened.Where(open => open.At > warm).GroupBy(open => open.Server))
        {
            TimeSpan[] times = [.. attempts.Select(attempt => attempt.At)];
            Assert.All(times.Zip(times.Skip(1)), pair => Assert.True(pair.Second - pair.First >= Second, $"{pair.First} and {pair.Second}"));
            Assert.True(times.Length > 10_000, $"{times.Length} attempts in a day are too few");
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(int.MaxValue, 1, int.MaxValue)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData(1, int.MaxValue, int.MaxValue)]
    public void H19_No_delay_overflows_whatever_the_timeouts_are(int sessionMs, int backoffMinMs, int backoffMaxMs)
    {
        TimeSpan Ms(int value) => TimeSpan.FromMilliseconds(value);
        var settings = Defaults with { SessionTimeout = Ms(sessionMs), ConnectTimeout = Ms(int.MaxValue), CloseTimeout = Ms(int.MaxValue), BackoffMinimum = Ms(backoffMinMs), BackoffMaximum = Ms(backoffMaxMs) };
        var simulation = new SimulatedSession(settings, react: _ => Reaction.Refuse).Start();
        for (int i = 0; i < 200; i++)
        {
            TimeSpan next = simulation.NextEvent!.Value;
            Assert.True(next >= simulation.Now && next - simulation.Now <= Ms(int.MaxValue), $"{next} at {simulation.Now}");
            simulation.RunUntil(next);
        }
    }

    [Fact]
    public void H21_Five_minutes_of_black_hole_take_few_steps()
    {
        var simulation = new SimulatedSession(Defaults with { SessionTimeout = 40 * Second }, servers: 3, react: _ => Reaction.Silence).Start().RunFor(TimeSpan.FromMinutes(5));
        Assert.InRange(simulation.Steps, 10, 200);
        var idle = new SimulatedSession(Defaults).Start().RunFor(TimeSpan.FromMinutes(5));
        Assert.InRange(idle.Steps, 100, 1_000); // a ping each 1.8 s, and its answer
    }

    [Fact]
    public void H27_Pings_go_on_while_their_answers_stand_behind_large_replies()
    {
        // Bytes come all the time and no answer to a ping is among them: the server still has to hear from the client.
        var simulation = new SimulatedSession(Defaults) { IsFlooded = true }.Start().RunFor(60 * Second);
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
        AssertPingGaps(simulation, Defaults.SessionTimeout / 3);
        Assert.InRange(simulation.Pings.Count, 30, 40);
    }

    [Fact]
    public void H27_A_ping_that_cannot_get_out_is_not_followed_by_more()
    {
        var simulation = new SimulatedSession(Defaults) { IsFlooded = true }.Start().RunFor(Second);
        simulation.IsSendingStuck = true;
        simulation.RunFor(60 * Second);
        Assert.Single(simulation.Pings);
        Assert.InRange(simulation.Steps, 1, 100);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(6_000)]
    [InlineData(120_000)] // at least every 10 s, so that middle boxes keep the connection (ZOOKEEPER-1751)
    public void An_idle_session_pings_before_a_third_of_its_timeout_and_stays_connected(int timeoutMs)
    {
        var timeout = TimeSpan.FromMilliseconds(timeoutMs);
        var simulation = new SimulatedSession(Defaults with { SessionTimeout = timeout }).Start().RunFor(20 * timeout);
        Assert.Equal([SessionState.Connected], simulation.Trace.Select(change => change.State));
        AssertPingGaps(simulation, TimeSpan.FromTicks(Math.Min(timeout.Ticks / 3, (10 * Second).Ticks)) + (2 * SimulatedSession.Latency)); // the first follows the handshake
    }

    [Fact]
    public void H10_H15_The_answer_of_an_attempt_that_is_over_changes_nothing()
    {
        var simulation = new SimulatedSession(Defaults).Start().RunFor(Second);
        simulation.Cut();
        simulation.RunFor(Second);
        SessionInput[] late =
        [
            new SessionInput.Opened(1, 0), new SessionInput.Answered(1, new ConnectResponse(0, 0, 0, new byte[16], ReadOnly: false)), new SessionInput.SaslSucceeded(1),
            new SessionInput.AuthRefused(1, new IOException()), new SessionInput.CloseAnswered(1), new SessionInput.Lost(1, new IOException(), null),
        ];
        foreach (SessionInput input in late) simulation.Handle(input);
        Assert.Equal(SessionState.Connected, simulation.Machine.State);
    }

    [Theory]
    [InlineData((int)Reaction.Serve)]
    [InlineData((int)Reaction.Silence)]
    [InlineData((int)Reaction.Refuse)]
    [InlineData((int)Reaction.CloseUnanswered)]
    public void H22_Closing_ends_within_its_timeout_in_every_phase(int reaction)
    {
        for (int ms = 0; ms < 500; ms += 3)
        {
            var simulation = new SimulatedSession(Defaults, servers: 2, seed: ms, react: _ => (Reaction)reaction).Start().RunFor(TimeSpan.FromMilliseconds(ms));
            TimeSpan asked = simulation.Now;
            simulation.Handle(new SessionInput.Close());
            simulation.Handle(new SessionInput.Close());
            simulation.RunFor(60 * Second);
            Assert.Equal(SessionState.Closed, simulation.Machine.State);
            Assert.IsType<SessionClosedException>(simulation.EndedWith);
            Assert.InRange(simulation.EndedAt!.Value, asked, asked + Defaults.CloseTimeout);
            Assert.Null(simulation.Machine.NextTick);
            Assert.Single(simulation.Log.OfType<SessionEffect.End>());
        }
    }

    private static void AssertPingGaps(SimulatedSession simulation, TimeSpan most) =>
        Assert.All(simulation.Pings.Prepend(TimeSpan.Zero).Zip(simulation.Pings), pair => Assert.InRange(pair.Second - pair.First, TimeSpan.FromTicks(1), most));
}
