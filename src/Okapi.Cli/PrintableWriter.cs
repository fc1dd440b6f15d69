using System.Text;

namespace Okapi.Cli;

/// <summary>Writes lines without what a terminal would obey or hide: a line may hold what others have written.</summary>
internal sealed class PrintableWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => inner.Write(value);

    public override void WriteLine(string? value) => inner.WriteLine(value is null ? null : ZnodePath.ToPrintable(value));

    public override void Flush() => inner.Flush();
}
