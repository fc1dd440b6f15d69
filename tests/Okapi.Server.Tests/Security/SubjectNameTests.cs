using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using Okapi.Server.Security;

namespace Okapi.Server.Tests.Security;

public class SubjectNameTests
{
    /// <summary>Names in DER, and what X500Principal.getName() of Java 17 makes of them.</summary>
    [Theory]
    [InlineData("3081a0310b3009060355040613024445310f300d06035504080c0648657373656e3114301206035504070c0b426164204e61756865696d310e300c06035504090c055765672031310e300c060355040a0c054f6b617069310c300a060355040b0c0344657631173015060a0992268993f22c64011916076578616d706c6531123010060a0992268993f22c6401010c027531310f300d06035504030c06636c69656e74", "CN=client,UID=u1,DC=example,OU=Dev,O=Okapi,STREET=Weg 1,L=Bad Nauheim,ST=Hessen,C=DE")]
    [InlineData("3022310a300806035504030c01633114301206092a864886f70d01090116056140622e63", "1.2.840.113549.1.9.1=#16056140622e63,CN=c")]
    [InlineData("3025310a300806035504040c0173310b3009060355040513023737310a3008060355040c0c0174", "2.5.4.12=#0c0174,2.5.4.5=#13023737,2.5.4.4=#0c0173")]
    [InlineData("30223114300806035504030c01633008060355040b0c016f310a3008060355040a0c0178", "O=x,CN=c+OU=o")]
    [InlineData("301e311c301a06035504030c13612c622b6322645c653c663e673b683d69236a", "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h\\=i\\#j")]
    [InlineData("3010310e300c06035504030c05206c656164", "CN=\\ lead")]
    [InlineData("3011310f300d06035504030c06747261696c20", "CN=trail\\ ")]
    [InlineData("30133111300f06035504030c082020626f74682020", "CN=\\ \\ both\\ \\ ")]
    [InlineData("300d310b300906035504030c022378", "CN=\\#x")]
    [InlineData("300f310d300b06035504030c0461202062", "CN=a  b")]
    [InlineData("300c310a300806035504030c0120", "CN=\\ ")]
    [InlineData("300b3109300706035504030c00", "CN=")]
    [InlineData("30143112301006035504030c09c3bce282acf09f9880", "CN=ü€😀")]
    [InlineData("3021311f301d06035504030c16612728292f3a3f262a214024255e5f7c7e607b7d5b5d", "CN=a'()/:?&*!@$%^_|~`{}[]")]
    [InlineData("300e310c300a06035504030c03610062", "CN=a\\00b")]
    [InlineData("300e310c300a06035504030c03610a62", "CN=a\nb")]
    [InlineData("300e310c300a06035504030c030d780d", "CN=\\\rx\\\r")]
    [InlineData("300d310b300906035504030c02c3a9", "CN=é")]
    [InlineData("300e310c300a06035504031303612062", "CN=a b")]
    [InlineData("300d310b30090603550403140261fc", "CN=aü")]
    [InlineData("300f310d300b06035504031e04006120ac", "CN=a€")]
    [InlineData("300e310c300a06035504031603696135", "CN=ia5")]
    [InlineData("300f310d300b06035504031c0400000061", "CN=#1c0400000061")]
    [InlineData("300e310c300a06035504031b0367656e", "CN=gen")]
    [InlineData("300d310b3009060355040312023132", "CN=#12023132")]
    [InlineData("300e310c300a06035504031a03766973", "CN=#1a03766973")]
    [InlineData("300c310a30080603550403020105", "CN=#020105")]
    [InlineData("300e310c300a06035504030c0361ff62", "CN=a\ufffdb")]
    [InlineData("3000", "")]
    [InlineData("30023100", "")]
    public void Names_are_written_as_Java_does(string der, string name) => Assert.Equal(name, SubjectName.Of(Convert.FromHexString(der)));

    [Fact]
    public void A_name_that_the_platform_makes_is_read() =>
        Assert.Equal("CN=a\\,b,OU=c,O=d", SubjectName.Of(new X500DistinguishedName("CN=\"a,b\", OU=c, O=d", X500DistinguishedNameFlags.Reversed).RawData));

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("3005310330")]
    [InlineData("020105")]
    [InlineData("300c310a300806035504030c05")]
    public void Nonsense_is_an_error_that_is_known(string der) => Assert.Throws<AsnContentException>(() => SubjectName.Of(Convert.FromHexString(der)));
}
