using System.Globalization;
using System.Text;

namespace Okapi.Recipes;

/// <summary>Options of locks, semaphores and elections.</summary>
public record LockOptions : RecipeOptions
{
    /// <summary>What others can read of who holds it or waits for it, up to 1 KiB in UTF-8; the machine's name and the process's number unless told otherwise.</summary>
    public string Identity { get; set; } = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}/{Environment.ProcessId}");

    internal byte[] ValidIdentity()
    {
        ArgumentNullException.ThrowIfNull(Identity);
        byte[] data = Encoding.UTF8.GetBytes(Identity);
        if (data.Length > 1024) throw new ArgumentException($"{nameof(Identity)} has {data.Length} bytes in UTF-8; 1,024 are allowed.");
        return data;
    }
}

/// <summary>Somebody who holds something or waits for it.</summary>
/// <param name="Path">His znode.</param>
/// <param name="Identity">What he says of himself (<see cref="LockOptions.Identity"/>).</param>
/// <param name="FencingToken">The token that he has when he holds it: the czxid of his znode.</param>
public sealed record LockContender(string Path, string Identity, long FencingToken);
