using System.Text;
using Okapi.Security;
using Xunit;

namespace Okapi.Client.Tests.Security;

public sealed class GssapiMechanismTests
{
    [Fact]
    public void The_context_is_established_and_no_security_layer_is_chosen()
    {
        FakeContext context = new("request", null);
        using GssapiMechanism mechanism = new(context);

        Assert.Equal("GSSAPI", mechanism.Name);
        Assert.Equal("request", Text(mechanism.Start()));
        // RFC 4752 section 3.1: an empty token asks for the offer.
        Assert.Empty(mechanism.Respond("reply"u8)!);
        Assert.False(mechanism.IsComplete);
        Assert.Equal([(byte)'w', 1, 0, 0, 0], mechanism.Respond(Offer(7, 65536))!);
        Assert.True(mechanism.IsComplete);
        Assert.Null(mechanism.Respond([]));
        Assert.True(mechanism.IsComplete);
        Assert.Equal(["", "reply"], context.Seen);
    }

    [Fact]
    public void A_context_with_a_last_token_sends_it_and_awaits_the_offer()
    {
        using GssapiMechanism mechanism = new(new FakeContext("one", "two", "three"));
        mechanism.Start();
        Assert.Equal("two", Text(mechanism.Respond("a"u8)));
        Assert.Equal("three", Text(mechanism.Respond("b"u8)));
        Assert.NotNull(mechanism.Respond(Offer(1, 0)));
        Assert.True(mechanism.IsComplete);
    }

    [Fact]
    public void An_authorization_identity_follows_the_choice_in_UTF_8()
    {
        using GssapiMechanism mechanism = Established("andré");
        Assert.Equal([(byte)'w', 1, 0, 0, 0, .. Encoding.UTF8.GetBytes("andré")], mechanism.Respond(Offer(1, 0))!);
    }

    [Fact]
    public void The_length_that_a_Java_server_offers_without_a_layer_does_no_harm()
    {
        using GssapiMechanism mechanism = Established();
        Assert.NotNull(mechanism.Respond(Offer(1, 65536)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    public void An_offer_of_integrity_or_confidentiality_alone_is_refused(int layers)
    {
        using GssapiMechanism mechanism = Established();
        SaslException refusal = Assert.Throws<SaslException>(() => mechanism.Respond(Offer((byte)layers, 65536)));
        Assert.Contains("layer", refusal.Message, StringComparison.Ordinal);
        Assert.False(mechanism.IsComplete);
    }

    [Theory]
    [InlineData("w")]
    [InlineData("w\u0001\u0000\u0000")]
    [InlineData("w\u0001\u0000\u0000\u0000\u0000")]
    public void An_offer_of_another_length_is_refused(string offer)
    {
        using GssapiMechanism mechanism = Established();
        SaslException refusal = Assert.Throws<SaslException>(() => mechanism.Respond(Encoding.Latin1.GetBytes(offer)));
        Assert.Contains("four bytes", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_offer_that_is_not_wrapped_by_the_peer_is_refused_for_good()
    {
        using GssapiMechanism mechanism = Established();
        Assert.Throws<SaslException>(() => mechanism.Respond(new byte[] { 1, 0, 0, 0 }));
        Assert.Throws<InvalidOperationException>(() => mechanism.Respond(Offer(1, 0)));
        Assert.False(mechanism.IsComplete);
    }

    [Fact]
    public void An_empty_token_before_the_context_is_established_is_refused()
    {
        using GssapiMechanism mechanism = new(new FakeContext("one", null));
        mechanism.Start();
        Assert.Throws<SaslException>(() => mechanism.Respond([]));
    }

    [Fact]
    public void An_empty_token_in_place_of_the_offer_is_refused()
    {
        using GssapiMechanism mechanism = Established();
        Assert.Throws<SaslException>(() => mechanism.Respond([]));
        Assert.False(mechanism.IsComplete);
    }

    [Fact]
    public void A_token_after_the_end_is_refused()
    {
        using GssapiMechanism mechanism = Established();
        mechanism.Respond(Offer(1, 0));
        Assert.Throws<SaslException>(() => mechanism.Respond("more"u8));
    }

    [Fact]
    public void A_server_that_never_comes_to_an_end_is_refused()
    {
        using GssapiMechanism mechanism = new(new FakeContext([.. Enumerable.Repeat("again", 100), null]));
        mechanism.Start();
        SaslException refusal = Assert.Throws<SaslException>(() =>
        {
            for (int step = 0; step < 100; step++)
                mechanism.Respond("x"u8);
        });
        Assert.Contains("steps", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_out_of_all_proportion_is_refused_before_it_is_read()
    {
        FakeContext context = new("one", null);
        using GssapiMechanism mechanism = new(context);
        mechanism.Start();
        Assert.Throws<SaslException>(() => mechanism.Respond(new byte[(64 * 1024) + 1]));
        Assert.Equal([""], context.Seen);
    }

    [Fact]
    public void A_challenge_before_the_start_and_a_second_start_are_misuse()
    {
        using GssapiMechanism early = new(new FakeContext("one", null));
        Assert.Throws<InvalidOperationException>(() => early.Respond("x"u8));

        using GssapiMechanism twice = new(new FakeContext("one", null));
        twice.Start();
        Assert.Throws<InvalidOperationException>(() => twice.Start());
    }

    [Fact]
    public void The_context_is_disposed_of_with_the_mechanism()
    {
        FakeContext context = new("one", null);
        new GssapiMechanism(context).Dispose();
        Assert.True(context.Disposed);
    }

    private static GssapiMechanism Established(string? authorizationId = null)
    {
        GssapiMechanism mechanism = new(new FakeContext("request", null), authorizationId);
        mechanism.Start();
        mechanism.Respond("reply"u8);
        return mechanism;
    }

    private static byte[] Offer(byte layers, int length) =>
        [(byte)'w', layers, (byte)(length >> 16), (byte)(length >> 8), (byte)length];

    private static string? Text(byte[]? token) => token is null ? null : Encoding.UTF8.GetString(token);

    /// <summary>Gives the tokens in turn, and is established with the last one. Wrapped means: with a w in front.</summary>
    private sealed class FakeContext(params string?[] tokens) : IGssContext
    {
        public List<string> Seen { get; } = [];

        public bool Disposed { get; private set; }

        public byte[]? Step(ReadOnlySpan<byte> token, out bool established)
        {
            Seen.Add(Encoding.UTF8.GetString(token));
            established = Seen.Count == tokens.Length;
            return tokens[Seen.Count - 1] is { } next ? Encoding.UTF8.GetBytes(next) : null;
        }

        public byte[] Wrap(ReadOnlySpan<byte> message) => [(byte)'w', .. message];

        public byte[] Unwrap(ReadOnlySpan<byte> token) =>
            token is [(byte)'w', .. var message]
                ? message.ToArray()
                : throw new SaslException("GSSAPI: the security layer offer could not be unwrapped.");

        public void Dispose() => Disposed = true;
    }
}
