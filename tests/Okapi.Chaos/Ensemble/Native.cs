using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Okapi.Chaos;

/// <summary>The few calls of the system that .NET has no name for.</summary>
internal static partial class Native
{
    /// <summary>SIGKILL: the process is gone at once, with nothing written or closed.</summary>
    public const int Kill = 9;

    /// <summary>SIGTERM: the process is asked to end.</summary>
    public const int Terminate = 15;

    /// <summary>SIGCONT: a frozen process goes on.</summary>
    public const int Continue = 18;

    /// <summary>SIGSTOP: the process is frozen; its sockets stay open, and the kernel goes on acknowledging for them.</summary>
    public const int Stop = 19;

    /// <summary>Sends a signal. A process that has ended already is not an error: that is what races with kills look like.</summary>
    public static void Signal(int pid, int signal)
    {
        const int NoSuchProcess = 3;
        if (SystemKill(pid, signal) != 0 && Marshal.GetLastPInvokeError() is int error && error != NoSuchProcess)
        {
            throw new Win32Exception(error);
        }
    }

    /// <summary>Becomes another program: same process, nothing of this one left. Returns only when that fails.</summary>
    public static Win32Exception Become(string file, IEnumerable<string> arguments)
    {
        string?[] all = [file, .. arguments, null];
        _ = SystemExecute(file, all);
        return new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SystemKill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SystemExecute(string file, string?[] arguments);
}
