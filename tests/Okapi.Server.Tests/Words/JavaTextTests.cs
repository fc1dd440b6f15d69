using System.Net;
using Okapi.Server.Words;

namespace Okapi.Server.Tests.Words;

public class JavaTextTests
{
    [Theory]
    [InlineData(0, "0.0")]
    [InlineData(1, "1.0")]
    [InlineData(1.06410256, "1.0641")]
    [InlineData(0.00005, "1.0E-4")]
    [InlineData(0.00004, "0.0")]
    [InlineData(0.0009, "9.0E-4")]
    [InlineData(0.001, "0.001")]
    [InlineData(12.5, "12.5")]
    [InlineData(1234567.1, "1234567.1")]
    public void Averages_have_at_most_four_decimals(double value, string text) => Assert.Equal(text, JavaText.Number(value));

    [Theory]
    [InlineData(0, "Thu Jan 01 00:00:00 UTC 1970")]
    [InlineData(1795261168999, "Sat Nov 21 11:39:28 UTC 2026")]
    public void Times_are_shown_as_Date_does(long unixMs, string text) => Assert.Equal(text, JavaText.Date(unixMs));

    [Theory]
    [InlineData("127.0.0.1:42306", "/127.0.0.1:42306")]
    [InlineData("[::1]:2181", "/[0:0:0:0:0:0:0:1]:2181")]
    [InlineData("[fe80::a0b:c]:1", "/[fe80:0:0:0:0:0:a0b:c]:1")]
    public void Addresses_are_shown_as_InetSocketAddress_does(string at, string text) => Assert.Equal(text, JavaText.Address(IPEndPoint.Parse(at)));

    [Fact]
    public void A_connection_in_memory_has_an_address_of_the_same_shape() => Assert.Equal("/memory:0", JavaText.Address(null));
}
