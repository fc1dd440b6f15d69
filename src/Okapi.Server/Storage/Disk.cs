using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Okapi.Server.Storage;

/// <summary>Files that are there after a power failure: their bytes, and their names.</summary>
internal static class Disk
{
    /// <summary>Writes a file under a temporary name, syncs it, and only then gives it its own name: it is there as a whole or not at all.</summary>
    /// <param name="path">Its own name; a file that has it is replaced.</param>
    /// <param name="temporaryPath">The other name, in the same folder.</param>
    /// <param name="write">Writes the file.</param>
    /// <param name="mode">The permissions it is created with, where there are such; null for the usual ones.</param>
    public static void WriteAtomically(string path, string temporaryPath, Action<SafeFileHandle> write, UnixFileMode? mode = null)
    {
        File.Delete(temporaryPath);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using (var file = new FileStream(temporaryPath, options))
        {
            write(file.SafeFileHandle);
            RandomAccess.FlushToDisk(file.SafeFileHandle);
        }

        File.Move(temporaryPath, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Creates a directory, if need be, so that it stays.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path)) return;
        string? parent = Path.GetDirectoryName(path);
        if (parent is not null) CreateDirectory(parent);
        Directory.CreateDirectory(path);
        if (parent is not null) SyncDirectory(parent);
    }

    /// <summary>
    /// Returns when the names of the files in a directory are on the disk. .NET refuses to open a directory, so this asks the C library, as Lucene and PostgreSQL do; Windows has no such call and
    /// needs none, since NTFS journals its names.
    /// </summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        int descriptor = Open(Encoding.UTF8.GetBytes(path + '\0'), flags: 0);
        if (descriptor < 0) throw Failed("opened", path);
        try
        {
            if (Sync(descriptor) != 0 && Marshal.GetLastPInvokeError() is not InvalidArgument) throw Failed("synced", path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private const int InvalidArgument = 22; // EINVAL: the file system does not sync directories, and there is nothing to be done about it

    private static IOException Failed(string what, string path) =>
        new($"The directory {path} could not be {what}: {Marshal.GetLastPInvokeErrorMessage()}.");

    // Byte arrays and integers only: nothing to marshal, so neither generated nor unsafe code is needed.
#pragma warning disable SYSLIB1054, CA2101
    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
#pragma warning restore SYSLIB1054, CA2101
}
