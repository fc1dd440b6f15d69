using Okapi.Sessions;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>A session is at risk from when its server might end it, counted from what was asked and not from what was heard.</summary>
public sealed class SessionLeaseTests : IDisposable
{
    private static readonly TimeSpan Term = TimeSpan.FromSeconds(9);
    private readonly ManualTime _time = new();
    private readonly SessionLease _lease;

    public SessionLeaseTests() => _lease = new SessionLease(_time);

    public void Dispose() => _lease.Dispose();

    [Fact]
    public void Nothing_is_at_risk_before_there_is_a_session()
    {
        _time.Advance(TimeSpan.FromHours(1));
        Assert.False(_lease.AtRisk.IsCancellationRequested);
    }

    [Fact]
    public void It_trips_a_term_after_the_newest_request_that_was_answered_was_made()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        _time.Advance(TimeSpan.FromSeconds(5));
        long asked = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(3));
        _lease.Renew(asked);
        CancellationToken token = _lease.AtRisk;
        _time.Advance(TimeSpan.FromSeconds(5.999));
        Assert.False(token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(0.001));
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public void An_answer_to_an_older_request_renews_nothing()
    {
        long early = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(1));
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken token = _lease.AtRisk;
        _lease.Renew(early);
        _time.Advance(Term - TimeSpan.FromMilliseconds(1));
        Assert.False(token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public void A_late_timer_does_not_make_it_last_longer()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken token = _lease.AtRisk;
        _time.Advance(TimeSpan.FromSeconds(1));
        var late = new SessionLease(new StandingTimers(_time));
        late.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken before = late.AtRisk;
        _time.Advance(Term);
        Assert.True(late.AtRisk.IsCancellationRequested);
        Assert.True(before.IsCancellationRequested);
        Assert.True(token.IsCancellationRequested);
        late.Dispose();
    }

    [Fact]
    public void What_was_lost_stays_lost_when_a_server_answers_after_all()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken first = _lease.AtRisk;
        _time.Advance(Term);
        _lease.Renew(_time.GetTimestamp());
        CancellationToken second = _lease.AtRisk;
        Assert.True(first.IsCancellationRequested);
        Assert.False(second.IsCancellationRequested);
        _time.Advance(Term);
        Assert.True(second.IsCancellationRequested);
    }

    [Fact]
    public void An_answer_that_comes_too_late_to_mean_anything_begins_no_new_lease()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        _time.Advance(TimeSpan.FromSeconds(1));
        long asked = _time.GetTimestamp();
        _time.Advance(Term);
        _lease.Renew(asked);
        Assert.True(_lease.AtRisk.IsCancellationRequested);
    }

    [Fact]
    public void A_server_in_read_only_mode_renews_nothing()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken token = _lease.AtRisk;
        _time.Advance(TimeSpan.FromSeconds(5));
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: false);
        _lease.Renew(_time.GetTimestamp());
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.True(token.IsCancellationRequested);
    }

    [Fact]
    public void The_end_of_the_session_is_the_end_of_its_lease()
    {
        _lease.Begin(Term, _time.GetTimestamp(), keepsAlive: true);
        CancellationToken token = _lease.AtRisk;
        _lease.End();
        Assert.True(token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(1));
        _lease.Renew(_time.GetTimestamp());
        Assert.True(_lease.AtRisk.IsCancellationRequested);
    }
}
