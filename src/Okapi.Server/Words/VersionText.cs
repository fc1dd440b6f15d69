using System.Runtime.InteropServices;

namespace Okapi.Server.Words;

/// <summary>How a server says what it is: whom it behaves like, and that it is not that.</summary>
internal static class VersionText
{
    public static string Of(ServerVersion version)
    {
        string like = version switch
        {
            ServerVersion.V34 => "3.4.14",
            ServerVersion.V35 => "3.5.10",
            ServerVersion.V38 => "3.8.0",
            _ => "3.9.5",
        };
        return $"{like}-okapi, built on {RuntimeInformation.FrameworkDescription}";
    }
}
