using System.Text.RegularExpressions;
using FsCheck.Fluent;

namespace Okapi.Protocol.Tests;

/// <summary>Which paths are valid (B37, B38), and what is said about those that are not.</summary>
public class ZnodePathTests
{
    // Escapes stand for themselves in the table: metadata cannot hold half a surrogate pair.
    [Theory]
    [InlineData("/", null)]
    [InlineData("/a", null)]
    [InlineData("/a/b/c", null)]
    [InlineData("/.hidden", null)]
    [InlineData("/...", null)]
    [InlineData("/a.", null)]
    [InlineData("/a..b", null)]
    [InlineData("/a/..b/c..", null)]
    [InlineData("/a b/ c", null)]
    [InlineData("/~!@#$%^&*()", null)]
    [InlineData(@"/\u00e9/\u65e5\u672c\u8a9e", null)]
    [InlineData(@"/\u00a0\ud7ff\uf900\uffef", null)]
    [InlineData("", "empty")]
    [InlineData("abc", "does not start with")]
    [InlineData(" /a", "does not start with")]
    [InlineData("/t/", "ends with")]
    [InlineData("//", "ends with")]
    [InlineData("//t", "empty element")]
    [InlineData("/t//u", "empty element")]
    [InlineData(@"/\u00e9//u", "empty element")]
    [InlineData("/.", "relative element \".\"")]
    [InlineData("/..", "relative element \"..\"")]
    [InlineData("/t/.", "relative element \".\"")]
    [InlineData("/t/..", "relative element \"..\"")]
    [InlineData("/t/./u", "relative element \".\"")]
    [InlineData("/t/../u", "relative element \"..\"")]
    [InlineData("/../t", "relative element \"..\"")]
    [InlineData(@"/t\0", "U+0000 at position 2")]
    [InlineData(@"/\u0001", "U+0001 at position 1")]
    [InlineData(@"/a/\n", "U+000A at position 3")]
    [InlineData(@"/\u007f", "U+007F")]
    [InlineData(@"/\u0085", "U+0085")]
    [InlineData(@"/\ud83e\udd8c", "U+D83E")]
    [InlineData(@"/\udd8c", "U+DD8C")]
    [InlineData(@"/\ue000", "U+E000")]
    [InlineData(@"/\uf8ff", "U+F8FF")]
    [InlineData(@"/\ufff0", "U+FFF0")]
    [InlineData(@"/\uffff", "U+FFFF")]
    public void A_path_is_valid_or_its_fault_is_named(string escaped, string? fault)
    {
        string path = Regex.Unescape(escaped);
        if (fault is null)
        {
            Assert.Null(ZnodePath.FindFault(path));
            ZnodePath.Validate(path);
            return;
        }

        Assert.Contains(fault, ZnodePath.FindFault(path), StringComparison.Ordinal);
        var refused = Assert.Throws<ArgumentException>(() => ZnodePath.Validate(path, parameterName: "target"));
        Assert.Equal("target", refused.ParamName);
        Assert.Contains(fault, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"\"{path}\" is not a znode path", Regex.Unescape(refused.Message), StringComparison.Ordinal);
    }

    [Fact]
    public void A_null_path_is_a_null_argument()
    {
        Assert.NotNull(ZnodePath.FindFault(null));
        Assert.Equal("target", Assert.Throws<ArgumentNullException>(() => ZnodePath.Validate(null, parameterName: "target")).ParamName);
    }

    // B38: what counts is the path with its number, so a last element of "", "." or ".." is fine.
    [Theory]
    [InlineData("/", true)]
    [InlineData("/t/", true)]
    [InlineData("/t/.", true)]
    [InlineData("/t/..", true)]
    [InlineData("/lock-", true)]
    [InlineData("", false)]
    [InlineData("t/", false)]
    [InlineData("//", false)]
    [InlineData("/t//", false)]
    [InlineData("/t/./", false)]
    [InlineData("/t/../n-", false)]
    public void A_sequential_path_is_judged_with_its_number(string path, bool valid) => Assert.Equal(valid, ZnodePath.FindFault(path, sequential: true) is null);

    // Java's rule, character by character: C0 controls, DEL and C1 controls, surrogates and private use, specials.
    [Fact]
    public void Every_character_is_allowed_or_named_and_never_printed_raw()
    {
        for (int code = 0; code <= char.MaxValue; code++)
        {
            char c = (char)code;
            bool forbidden = c <= '\u001f' || (c >= '\u007f' && c <= '\u009f') || (c >= '\ud800' && c <= '\uf8ff') || c >= '\ufff0';
            string path = $"/x{c}y";
            if (!forbidden)
            {
                Assert.Null(ZnodePath.FindFault(path));
                continue;
            }

            string message = Assert.Throws<ArgumentException>(() => ZnodePath.Validate(path)).Message;
            Assert.False(message.Contains(c), $"U+{code:X4} is printed as it is.");
            Assert.Contains($"U+{code:X4}", message, StringComparison.Ordinal);
            Assert.Contains($"\\u{code:x4}", message, StringComparison.Ordinal);
        }
    }

    // The fault may be another one than the control character; it still must not reach a terminal.
    [Theory]
    [InlineData("a\u001b[2J")]
    [InlineData("/a\u001b[2J/")]
    [InlineData("//\u001b[2J")]
    [InlineData("/./\u001b[2J")]
    public void A_control_character_is_escaped_whatever_the_fault_is(string path)
    {
        string message = Assert.Throws<ArgumentException>(() => ZnodePath.Validate(path)).Message;
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Contains("\\u001b[2J", message, StringComparison.Ordinal);
    }

    // Bidirectional marks are among the "format" characters (UAX #9), and so is what has no width.
    [Theory]
    [InlineData("/plain ~", "/plain ~")]
    [InlineData("/\u00e9\u4e2d\u0627", "/\u00e9\u4e2d\u0627")]
    [InlineData("/a\u202Egpj.exe", "/a\\u202egpj.exe")]
    [InlineData("/a\u2066b\u2069", "/a\\u2066b\\u2069")]
    [InlineData("/a\u200Fb\u061Cc", "/a\\u200fb\\u061cc")]
    [InlineData("/a\u200Bb\uFEFFc", "/a\\u200bb\\ufeffc")]
    [InlineData("/a\u2028b\u2029c", "/a\\u2028b\\u2029c")]
    [InlineData("a\r\nokapi: error: no\u001B[2J\u009B2J", "a\\u000d\\u000aokapi: error: no\\u001b[2J\\u009b2J")]
    public void What_others_have_written_can_be_shown(string text, string shown)
    {
        Assert.Equal(shown, ZnodePath.ToPrintable(text));
        if (text == shown) Assert.Same(text, ZnodePath.ToPrintable(text));
    }

    // The two scans of the fast way and the loop of the slow one must agree with the rule said plainly.
    [Fact]
    public void A_path_is_valid_exactly_when_each_of_its_elements_is() => Wire.Check(
        Gen.Frequency((4, Gen.Constant('/')), (3, Gen.Constant('.')), (4, Gen.Elements('a', ' ', '~')), (1, Gen.Elements('\u00e9', '\u00a0', '\ufff0', '\0', '\u007f', '\ud83e'))).ArrayOf(),
        characters =>
        {
            string path = new(characters);
            foreach (string candidate in new[] { path, "/" + path })
            {
                Assert.Equal(IsValid(candidate), ZnodePath.FindFault(candidate) is null);
                Assert.Equal(candidate.Length > 0 && IsValid(candidate + "0000000007"), ZnodePath.FindFault(candidate, sequential: true) is null);
            }

            static bool IsValid(string path) => path == "/" || (path.StartsWith('/') && path[1..].Split('/').All(element =>
                element is not ("" or "." or "..") && !element.Any(c => char.IsControl(c) || c is '\ufff0' or '\ud83e')));
        },
        runs: 3000);

    [Theory]
    [InlineData("/", null, "")]
    [InlineData("/a", "/", "a")]
    [InlineData("/a/b", "/a", "b")]
    [InlineData("/a/b c/d.e", "/a/b c", "d.e")]
    public void A_path_is_its_parent_and_its_name(string path, string? parent, string name)
    {
        Assert.Equal(parent, ZnodePath.GetParent(path));
        Assert.Equal(name, ZnodePath.GetName(path));
        if (parent is not null) Assert.Equal(path, ZnodePath.Combine(parent, name));
    }

    [Fact]
    public void Parts_of_no_path_are_refused()
    {
        Assert.ThrowsAny<ArgumentException>(() => ZnodePath.GetParent(""));
        Assert.ThrowsAny<ArgumentException>(() => ZnodePath.GetName(null!));
        Assert.ThrowsAny<ArgumentException>(() => ZnodePath.Combine("", "a"));
        Assert.ThrowsAny<ArgumentException>(() => ZnodePath.Combine("/a", null!));
        Assert.ThrowsAny<ArgumentException>(() => ZnodePath.IsSameOrBelow(null!, "/"));
        Assert.Equal("/a/b/c", ZnodePath.Combine("/a", "b/c"));
    }

    [Theory]
    [InlineData("/app", "/app", true)]
    [InlineData("/app/a", "/app", true)]
    [InlineData("/app2", "/app", false)]
    [InlineData("/app2/a", "/app", false)]
    [InlineData("/ap", "/app", false)]
    [InlineData("/", "/app", false)]
    [InlineData("/App/a", "/app", false)]
    [InlineData("/app", "/", true)]
    [InlineData("/", "/", true)]
    [InlineData("/app", "", true)]
    public void H41_A_sibling_with_the_same_prefix_is_not_below(string path, string ancestor, bool below) => Assert.Equal(below, ZnodePath.IsSameOrBelow(path, ancestor));
}
