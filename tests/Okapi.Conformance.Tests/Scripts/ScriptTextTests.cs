namespace Okapi.Conformance.Tests.Scripts;

public class ScriptTextTests
{
    [Fact]
    public void Every_script_that_can_be_made_up_can_be_read_back()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            string text = ScriptText.Write(ScriptGenerator.Make(seed));
            Assert.Equal(text, ScriptText.Write(ScriptText.Read(text)));
            Assert.Equal(text, ScriptText.Write(ScriptGenerator.Make(seed)));
        }
    }

    [Theory]
    [InlineData("0 create ~/a")]
    [InlineData("2+ createTTL ~/a data=\"\" flags=5 ttl=1 acl=u1+read cut=3")]
    [InlineData("1 getData \"\" watch")]
    [InlineData("1 getData")]
    [InlineData("0 exists ~/\\u0000\\u003b\\u007b\\ufff0")]
    [InlineData("0 multi { create ~/a data=x ; delete v=7 ; check / v=-2 }")]
    [InlineData("0 setWatches2 since=-3 { data ~/a ; recursive ~ }")]
    [InlineData("0 raw data=00ff type=-1")]
    public void Text_is_read_and_written_as_it_is(string text) => Assert.Equal(text, ScriptText.Write(ScriptText.Read(text)));

    [Fact]
    public void Comments_and_empty_lines_are_no_steps() =>
        Assert.Equal("0 ping\n1 whoAmI", ScriptText.Write(ScriptText.Read("# both\n\n  0 ping\r\n# or one\n\t1 whoAmI\n")));

    [Fact]
    public void Odd_strings_survive()
    {
        foreach (string odd in (string[])["", " ", "\0", "\\", "\\u0041", "a;b", "{}", "(null)", "\"\"", "\ud7ff\ufff0", "="])
        {
            Script script = new([new(0, new("setData", "~/" + odd) { Data = odd })]);
            Operation read = ScriptText.Read(script.ToString()).Steps[0].Operation;
            Assert.Equal("~/" + odd, read.Path);
            Assert.Equal(odd, read.Data);
        }
    }

    [Fact]
    public void What_is_made_up_is_of_every_kind_and_harms_no_server()
    {
        Script[] scripts = [.. Enumerable.Range(0, 1000).Select(ScriptGenerator.Make)];
        Operation[] operations = [.. scripts.SelectMany(script => script.Steps).Select(step => step.Operation)];
        Operation[] parts = [.. operations.Where(each => each.Verb is "multi").SelectMany(each => each.Parts)];
        Assert.Empty(Operation.Requests.Keys.Append("open").Append("drop").Append("resume").Except(operations.Select(each => each.Verb).Append("check")));
        Assert.Empty(Acls.All.Keys.Except(operations.Select(each => each.Acl)));
        Assert.All(scripts, script => Assert.InRange(script.Steps.Count, 1, ScriptGenerator.MaximumSteps));
        // A check alone spoils the log of 3.8.0, and so does a time to live out of range where the flags speak of none.
        Assert.DoesNotContain(operations, each => each.Verb == "check" || (each.Verb == "raw" && each.Number == 13));
        Assert.DoesNotContain(operations.Concat(parts), each => each.Verb == "createTTL" && each.Number is not (5 or 6) && each.Ttl is < 1 or >= 1L << 40);
        // The root is everybody's.
        Assert.DoesNotContain(operations.Concat(parts), each => each.Verb is "setData" or "setACL" && each.IsGlobal);
        Assert.DoesNotContain(operations.Concat(parts), each => each.IsCreate && each.Path is "~" or "/" && each.Number is 2 or 3 or 6);
    }
}
